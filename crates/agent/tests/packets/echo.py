"""Answers whoever asks with the address that it saw, by TCP and UDP; or asks. Runs inside of a network namespace.

echo.py serve PORT            prints "ready" and answers until it is killed
echo.py ask PROTOCOL HOST PORT prints the answer, or "none" where nobody answers
"""

import socket
import sys
import threading

LIMIT_S = 2


def serve(port):
    tcp = socket.create_server(("", port))
    udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    udp.bind(("", port))

    def datagrams():
        while True:
            _, asker = udp.recvfrom(100)
            udp.sendto(asker[0].encode(), asker)

    threading.Thread(target=datagrams, daemon=True).start()
    print("ready", flush=True)
    while True:
        connection, asker = tcp.accept()
        with connection:
            connection.sendall(asker[0].encode())


def ask(protocol, host, port):
    try:
        if protocol == "tcp":
            with socket.create_connection((host, port), timeout=LIMIT_S) as s:
                s.settimeout(LIMIT_S)
                return s.recv(100).decode()
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
            s.settimeout(LIMIT_S)
            s.connect((host, port))
            s.send(b"who am I?")
            return s.recv(100).decode()
    except OSError:
        return "none"


if sys.argv[1] == "serve":
    serve(int(sys.argv[2]))
else:
    print(ask(sys.argv[2], sys.argv[3], int(sys.argv[4])))
