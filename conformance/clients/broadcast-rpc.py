#!/usr/bin/env python3
"""Broadcasts RPC calls as a diskless machine does, and prints who answers.

Usage: broadcast-rpc.py FROM TO PORT HEX...

Each HEX is one call, sent in that order from one socket to TO:PORT. Answers are printed, a line each: ADDRESS PORT HEX, up to the
one to the last call, which has to be one that is answered. Exit status: 0, or 1 when that did not come within 20 s.
"""

import socket
import sys


def main(source, target, port, *calls):
    client = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    client.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
    client.bind((source, 0))
    client.settimeout(20)
    for call in calls:
        client.sendto(bytes.fromhex(call), (target, int(port)))
    last = bytes.fromhex(calls[-1])[:4]
    while True:
        try:
            data, (address, at) = client.recvfrom(65536)
        except socket.timeout:
            sys.exit(1)
        print(address, at, data.hex())
        if data[:4] == last:
            return


main(*sys.argv[1:])
