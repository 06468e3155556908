"""Opens and cancels many watches at once, again and again, beside one that has to stay.

    python cancelled.py SERVER ROOM

Prints `cancelled` after that, and waits for a user who joins the room.
"""

import pathlib
import sys

import grpc

PROTO = pathlib.Path(__file__).resolve().parents[2] / "proto"
sys.path.append(str(PROTO))
messages, services = grpc.protos_and_services("headcount/v1/presence.proto")

WATCHES, ROUNDS = 64, 20

server, room = sys.argv[1:]
stub = services.PresenceServiceStub(grpc.insecure_channel(server))
stays = stub.WatchRoom(messages.WatchRoomRequest(app="demo", room_id=room))
next(stays)  # the snapshot
for _ in range(ROUNDS):
    others = [
        stub.WatchRoom(messages.WatchRoomRequest(app="demo", room_id=f"{room}-{number}"))
        for number in range(WATCHES)
    ]
    for other in others:
        other.cancel()
    # The answer comes after the server has read all the cancels.
    stub.GetRoomUsers(messages.GetRoomUsersRequest(app="demo", room_id=room), timeout=10)
print("cancelled", flush=True)
for update in stays:
    changes = [each for each in update.changes.changes if each.HasField("user_joined")]
    if changes:
        print("joined:", changes[0].user_joined.user.user_id)
        break
