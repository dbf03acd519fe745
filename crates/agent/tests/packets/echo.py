"""Answers whoever asks with the address that it saw, by TCP and UDP; or asks. Runs inside of a network namespace.

echo.py serve PORT            prints "ready" and answers until it is killed
echo.py ask PROTOCOL HOST PORT prints the answer, or "none" where nobody answers
"""

import socket
import sys
import threading

LIMIT_S = 2


def datagrams(udp):
    while True:
        _, asker = udp.recvfrom(100)
        udp.sendto(asker[0].encode(), asker)


def connections(tcp):
    while True:
        connection, asker = tcp.accept()
        with connection:
            connection.sendall(asker[0].encode())


def serve(port):
    for family in (socket.AF_INET, socket.AF_INET6):
        tcp = socket.create_server(("", port), family=family)
        udp = socket.socket(family, socket.SOCK_DGRAM)
        if family == socket.AF_INET6:
            udp.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        udp.bind(("", port))
        for work, s in ((connections, tcp), (datagrams, udp)):
            threading.Thread(target=work, args=(s,), daemon=True).start()
    print("ready", flush=True)
    threading.Event().wait()


def ask(protocol, host, port):
    try:
        if protocol == "tcp":
            with socket.create_connection((host, port), timeout=LIMIT_S) as s:
                s.settimeout(LIMIT_S)
                return s.recv(100).decode()
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        with socket.socket(family, socket.SOCK_DGRAM) as s:
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
