"""Prints who is in a room, then follows it, whatever happens to the server or the network.

    pip install grpcio grpcio-tools
    python examples/python/watch.py ROOM [--app demo] [--server 127.0.0.1:50051]

With `--once` it prints who is in the room and stops. It follows the rules of docs/watch.md.
"""

import argparse
import asyncio
import pathlib
import random
import sys

import grpc

PROTO = pathlib.Path(__file__).resolve().parents[2] / "proto"
sys.path.append(str(PROTO))
messages, services = grpc.protos_and_services("headcount/v1/presence.proto")

# The server would refuse the same request again. After any other failure a retry can help.
FINAL = {
    grpc.StatusCode.INVALID_ARGUMENT,
    grpc.StatusCode.NOT_FOUND,
    grpc.StatusCode.UNAUTHENTICATED,
    grpc.StatusCode.PERMISSION_DENIED,
    grpc.StatusCode.UNIMPLEMENTED,
}

# The limit of the first wait before a retry, and of any. In seconds.
FIRST_WAIT, LONGEST_WAIT = 0.1, 5.0

CHANNEL_OPTIONS = [
    # Ask a quiet connection whether its other end is still there.
    ("grpc.keepalive_time_ms", 20_000),
    ("grpc.keepalive_timeout_ms", 10_000),
    # A watch sends nothing after its request, and pings all the same.
    ("grpc.http2.max_pings_without_data", 0),
    # A new channel is a new connection, and not that of the channel before.
    ("grpc.use_local_subchannel_pool", 1),
]


class Lost(Exception):
    """A stream ended or is of no more use. Another may do better."""


class Backoff:
    """Waits of a random length up to a limit that doubles. So clients that lost one server do
    not return all at once."""

    def __init__(self):
        self.reset()

    def reset(self):
        self.limit = FIRST_WAIT

    def next(self):
        """The wait before the next attempt, and its limit."""
        limit = self.limit
        self.limit = min(2 * limit, LONGEST_WAIT)
        return random.uniform(0, limit), limit


class RoomCopy:
    """A copy of the users of a room, made of the messages of watches."""

    def __init__(self):
        self.users = {}
        self.resume_token = ""
        self.in_snapshot = False

    def begin_stream(self):
        self.in_snapshot = False

    def apply(self, update):
        """Applies one message. Returns whether the copy moved on from where it was."""
        kind = update.WhichOneof("update")
        if kind == "snapshot":
            self.add_part(update.snapshot)
        elif kind == "changes":
            for change in update.changes.changes:
                self.change(change)
        elif kind == "progress" and update.progress.digest != digest(self.users.values()):
            self.resume_token = ""
            raise Lost("the copy is wrong: its digest is not the server's")
        self.resume_token = update.resume_token or self.resume_token
        # A snapshot is no success yet: if each stream broke after its snapshot, the server
        # would have to send the whole room again and again.
        return kind in ("changes", "progress")

    def add_part(self, snapshot):
        if not self.in_snapshot:
            # The old copy is gone: only a whole new one can be resumed from.
            self.users.clear()
            self.resume_token = ""
        self.in_snapshot = not snapshot.complete
        self.users.update((user.user_id, user) for user in snapshot.users)

    def change(self, change):
        kind = change.WhichOneof("change")
        if kind in ("user_joined", "user_updated"):
            user = getattr(change, kind).user
            self.users[user.user_id] = user
        elif kind == "user_left":
            self.users.pop(change.user_left.user.user_id, None)
        elif kind in ("room_opened", "room_closed"):
            self.users.clear()


def digest(users):
    """The digest of a copy, to compare with that of `progress`."""
    total = 0
    for user in users:
        fnv1a = 0xCBF29CE484222325
        for byte in user.user_id.encode() + b"\0" + user.session_id.encode():
            fnv1a = (fnv1a ^ byte) * 0x100000001B3 % 2**64
        total = (total + fnv1a) % 2**64
    return total


async def keep_trying(server, attempt):
    """Makes attempts until one returns, each on a connection of its own."""
    backoff = Backoff()
    while True:
        try:
            async with grpc.aio.insecure_channel(server, options=CHANNEL_OPTIONS) as channel:
                return await attempt(services.PresenceServiceStub(channel), backoff)
        except grpc.RpcError as error:
            if error.code() in FINAL:
                raise
            reason = error.details() or error.code().name
        except Lost as error:
            reason = error
        wait, limit = backoff.next()
        print(f"lost {server}, retrying: {reason} (within {limit:g} s)", file=sys.stderr, flush=True)
        await asyncio.sleep(wait)


async def who(stub, app, room, timeout):
    """All users of a room, page by page."""
    users, page_token = [], ""
    while True:
        request = messages.GetRoomUsersRequest(app=app, room_id=room, page_token=page_token)
        page = await stub.GetRoomUsers(request, timeout=timeout)
        users.extend(page.users)
        page_token = page.next_page_token
        if not page_token:
            return users


async def watch(stub, app, room, copy, silence_max):
    """Yields the messages of one stream, which goes on where the copy is."""
    copy.begin_stream()
    call = stub.WatchRoom(
        messages.WatchRoomRequest(app=app, room_id=room, resume_token=copy.resume_token)
    )
    while True:
        try:
            update = await asyncio.wait_for(call.read(), silence_max)
        except asyncio.TimeoutError:
            raise Lost(f"silent for {silence_max:g} s") from None
        if update is grpc.aio.EOF:
            raise Lost("the stream ended")
        yield update


async def main(args):
    # The server is never silent for longer than one interval.
    silence_max = 2 * args.progress_interval
    copy = RoomCopy()

    async def once(stub, _):
        users = await who(stub, args.app, args.room, silence_max)
        print("present:", ids(user.user_id for user in users))

    async def follow(stub, backoff):
        async for update in watch(stub, args.app, args.room, copy, silence_max):
            if copy.apply(update):
                backoff.reset()
            if not copy.in_snapshot:
                print(f"{update.revision} {name(update)}: {ids(copy.users)}", flush=True)

    await keep_trying(args.server, once if args.once else follow)


def name(update):
    """`changes`, `progress`, or `snapshot` and its reason."""
    kind = update.WhichOneof("update")
    if kind != "snapshot":
        return kind
    reason = messages.SnapshotReason.Name(update.snapshot.reason)
    return f"snapshot {reason.removeprefix('SNAPSHOT_REASON_')}"


def ids(user_ids):
    return ", ".join(sorted(user_ids)) or "nobody"


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("room")
    parser.add_argument("--app", default="demo")
    parser.add_argument("--server", default="127.0.0.1:50051")
    parser.add_argument("--once", action="store_true")
    parser.add_argument("--progress-interval", type=float, default=15, metavar="SECONDS",
                        help="that of the server's configuration; twice as long a silence is an end")
    try:
        asyncio.run(main(parser.parse_args()))
    except grpc.RpcError as error:
        sys.exit(f"refused: {error.code().name}: {error.details()}")
    except KeyboardInterrupt:
        pass
