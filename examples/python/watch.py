"""Prints who is in a room, then follows it.

    pip install grpcio grpcio-tools
    python examples/python/watch.py ROOM [--app demo] [--server 127.0.0.1:50051]

With `--once` it prints who is in the room and stops.
"""

import argparse
import pathlib
import sys
import time

import grpc

PROTO = pathlib.Path(__file__).resolve().parents[2] / "proto"
sys.path.append(str(PROTO))
messages, services = grpc.protos_and_services("headcount/v1/presence.proto")


def who(stub, app, room):
    """All users of a room, page by page, and the token to watch on from."""
    users, page_token, resume_token = [], "", ""
    while True:
        page = stub.GetRoomUsers(
            messages.GetRoomUsersRequest(app=app, room_id=room, page_token=page_token)
        )
        users.extend(page.users)
        # Of the first page: changes made during the walk come with the watch.
        resume_token = resume_token or page.resume_token
        page_token = page.next_page_token
        if not page_token:
            return users, resume_token


def fold(users, update):
    """Applies one message of a watch to a copy of the room, by user id."""
    kind = update.WhichOneof("update")
    if kind == "snapshot":
        users.update((user.user_id, user) for user in update.snapshot.users)
    elif kind == "changes":
        for entry in update.changes.changes:
            change = entry.WhichOneof("change")
            if change in ("user_joined", "user_updated"):
                user = getattr(entry, change).user
                users[user.user_id] = user
            elif change == "user_left":
                users.pop(entry.user_left.user.user_id, None)
            elif change in ("room_opened", "room_closed"):
                users.clear()


def watch(stub, app, room, users, resume_token):
    """Follows a room for ever: reconnects, and resumes where it was."""
    in_snapshot = False
    while True:
        request = messages.WatchRoomRequest(
            app=app, room_id=room, resume_token=resume_token
        )
        try:
            for update in stub.WatchRoom(request):
                if update.HasField("snapshot"):
                    if not in_snapshot:
                        # The old copy is gone: from here on only a whole new
                        # one can be resumed from.
                        users.clear()
                        resume_token = ""
                    in_snapshot = not update.snapshot.complete
                fold(users, update)
                resume_token = update.resume_token or resume_token
                if not in_snapshot:
                    yield update
        except grpc.RpcError as error:
            if error.code() != grpc.StatusCode.UNAVAILABLE:
                raise
            print("lost the server, retrying:", error.details(), file=sys.stderr)
            in_snapshot = False
            time.sleep(1)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("room")
    parser.add_argument("--app", default="demo")
    parser.add_argument("--server", default="127.0.0.1:50051")
    parser.add_argument("--once", action="store_true")
    args = parser.parse_args()

    stub = services.PresenceServiceStub(grpc.insecure_channel(args.server))
    found, resume_token = who(stub, args.app, args.room)
    users = {user.user_id: user for user in found}
    print("present:", ", ".join(sorted(users)) or "nobody", flush=True)
    if args.once:
        return
    for update in watch(stub, args.app, args.room, users, resume_token):
        kind = update.WhichOneof("update")
        print(f"{update.revision} {kind}:", ", ".join(sorted(users)) or "nobody", flush=True)


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        pass
