"""Sends raw Ethernet frames, or counts the frames that arrive; runs inside of a network namespace.

send.py send DEVICE            reads a JSON list of frames as hex and sends each COPIES times
send.py count DEVICE SECONDS   reads a JSON list of labels, prints "ready", counts the frames that hold each label until
                               a frame with the end mark or the SECONDS are over, and prints the counts as JSON
"""

import json
import socket
import sys
import time

COPIES = 20
END = b"end-of-the-test"
ALL_PROTOCOLS = 3


def opened(device):
    # Of no protocol until it is bound: it would get what passes all other devices meanwhile.
    s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
    s.bind((device, ALL_PROTOCOLS))
    return s


def send(device):
    frames = [bytes.fromhex(frame) for frame in json.load(sys.stdin)]
    s = opened(device)
    for frame in frames:
        for _ in range(COPIES):
            s.send(frame)


def count(device, seconds):
    counts = {label: 0 for label in json.load(sys.stdin)}
    s = opened(device)
    s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 << 20)
    print("ready", flush=True)
    until = time.monotonic() + float(seconds)
    while (left := until - time.monotonic()) > 0:
        s.settimeout(left)
        try:
            frame = s.recv(2048)
        except TimeoutError:
            break
        if END in frame:
            break
        for label in counts:
            counts[label] += label.encode() in frame
    print(json.dumps(counts))


if sys.argv[1] == "send":
    send(sys.argv[2])
else:
    count(sys.argv[2], sys.argv[3])
