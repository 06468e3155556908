"""Lets the example clients watch rooms of a server that follows a script: it refuses, falls
silent, breaks off and tells wrong digests. Each client has to end with the right users.

    python scripted.py WATCH_PY WATCH_JS
"""

import asyncio
import collections
import pathlib
import re
import sys

import grpc

PROTO = pathlib.Path(__file__).resolve().parents[2] / "proto"
sys.path.append(str(PROTO))
messages, services = grpc.protos_and_services("headcount/v1/presence.proto")
Code = grpc.StatusCode

FINAL = [
    Code.INVALID_ARGUMENT,
    Code.NOT_FOUND,
    Code.UNAUTHENTICATED,
    Code.PERMISSION_DENIED,
    Code.UNIMPLEMENTED,
]
PASSING = [code for code in Code if code not in FINAL and code is not Code.OK]

PATIENCE = 60  # seconds, for one client
AT_ONCE = 8  # clients


# What a call does is a list of messages; HANG, or the code that it fails with, may end it.

HANG = object()


def snapshot(token, *users, reason="INITIAL"):
    """A whole snapshot, or a part of one that is not the last, if there is no token."""
    part = {"room": {}, "users": [{"user_id": user} for user in users]}
    part |= {"reason": f"SNAPSHOT_REASON_{reason}", "complete": bool(token)}
    return messages.WatchRoomResponse(revision=1, resume_token=token, snapshot=part)


def progress(token, digest=0):
    """0 is the digest of an empty room."""
    return messages.WatchRoomResponse(revision=2, resume_token=token, progress={"digest": digest})


def joined(token, user):
    changes = [{"user_joined": {"user": {"user_id": user}}}]
    return messages.WatchRoomResponse(revision=3, resume_token=token, changes={"changes": changes})


def page(user, next_page_token):
    return messages.GetRoomUsersResponse(users=[{"user_id": user}], next_page_token=next_page_token)


# For each room what the calls with a token do, the first call first. The last stands for all
# that follow.
DONE = [snapshot("done", "done"), HANG]
ROOMS = {
    # Every failure that can pass is followed by another attempt.
    "codes": {
        "": [[snapshot("0"), Code.INTERNAL]],
        **{str(n): [[progress(str(n + 1)), code]] for n, code in enumerate(PASSING)},
        str(len(PASSING)): [DONE],
    },
    # Waits become longer until a message moves the copy on. A snapshot does not.
    "back-off": {
        "": [[Code.UNAVAILABLE]] * 3 + [[snapshot("whole"), Code.UNAVAILABLE]],
        "whole": [[Code.UNAVAILABLE], [progress("confirmed"), Code.UNAVAILABLE]],
        "confirmed": [[joined("changed", "ann"), Code.UNAVAILABLE]],
        "changed": [DONE],
    },
    "a stream that ends well": {"": [[snapshot("whole")]], "whole": [DONE]},
    "silence": {"": [[snapshot("whole"), HANG]], "whole": [DONE]},
    "silence from the start": {"": [[HANG], DONE]},
    "a wrong digest": {"": [[snapshot("whole", "ann"), progress("wrong", digest=7), HANG], DONE]},
    # What came before a snapshot that broke off cannot be resumed from, nor can its parts.
    "a snapshot that breaks off": {
        "": [[snapshot("whole", "ann")], DONE],
        "whole": [[snapshot("", "ghost", reason="LAGGED"), Code.INTERNAL]],
    },
    "parts": {"": [[snapshot("", "ann"), snapshot("", "bob"), snapshot("done", "done"), HANG]]},
    "pages": {"": [[page("ann", "2")]], "2": [[Code.ABORTED], [Code.INTERNAL], [page("done", "")]]},
    # These end the client.
    **{code.name: {"": [[code]]} for code in FINAL},
}
COPIES = {"parts": "ann, bob, done", "pages": "ann, done"}  # "done" in other rooms
OPTIONS = {
    "silence": ["--progress-interval", "0.5"],
    "silence from the start": ["--progress-interval", "0.5"],
    "pages": ["--once"],
}
# The longest waits that clients announce, where they matter. In seconds.
WAITS = {
    "codes": [0.1] * (len(PASSING) + 1),
    "back-off": [0.1, 0.2, 0.4, 0.8, 1.6, 0.1, 0.1],
}


class ScriptedServer(services.PresenceServiceServicer):
    """Every app has all the rooms, so a client that uses an app of its own has them alone."""

    def __init__(self):
        self.calls = collections.Counter()

    async def WatchRoom(self, request, context):
        async for message in self.play(request, request.resume_token, context):
            yield message

    async def GetRoomUsers(self, request, context):
        async for message in self.play(request, request.page_token, context):
            return message

    async def play(self, request, token, context):
        calls = ROOMS[request.room_id][token]
        key = request.app, request.room_id, token
        steps = calls[min(self.calls[key], len(calls) - 1)]
        self.calls[key] += 1
        for step in steps:
            if step is HANG:
                await asyncio.Event().wait()  # until the client cancels
            elif isinstance(step, Code):
                await context.abort(step, "as the script says")
            else:
                yield step


async def check(room, command):
    """What is wrong with how a client behaves in a room, or None."""
    client = await asyncio.create_subprocess_exec(
        *command, room, *OPTIONS.get(room, []),
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )
    copy = COPIES.get(room, "done")
    seen = ""
    try:
        async with asyncio.timeout(PATIENCE):
            async for line in client.stdout:
                seen += line.decode()
                if seen.endswith(f": {copy}\n"):
                    break
            else:
                await client.wait()
    except TimeoutError:
        pass
    if client.returncode is None:
        client.kill()
    errors = (await client.stderr.read()).decode()
    await client.wait()
    waits = [float(wait) for wait in re.findall(r"retrying: .* \(within (.*) s\)", errors)]
    if room in Code.__members__:
        good = client.returncode == 1 and errors.startswith(f"refused: {room}: ")
    else:
        good = seen.endswith(f": {copy}\n") and waits == WAITS.get(room, waits)
    return None if good else f"{seen}{errors}exit code {client.returncode}, waits {waits}"


async def main(watch_py, watch_js):
    server = grpc.aio.server()
    services.add_PresenceServiceServicer_to_server(ScriptedServer(), server)
    address = f"127.0.0.1:{server.add_insecure_port('127.0.0.1:0')}"
    await server.start()
    places = asyncio.Semaphore(AT_ONCE)

    async def run(name, room, command):
        async with places:
            command = [*command, "--server", address, "--app", name]
            wrong = await check(room, command)
        print(f"{name}, {room}: {'ok' if wrong is None else 'WRONG'}", wrong or "", flush=True)
        return wrong is None

    commands = {"python": [sys.executable, "-u", watch_py], "node": ["node", watch_js]}
    rights = await asyncio.gather(*(
        run(name, room, command)
        for room in ROOMS
        for name, command in commands.items()
        if (name, room) != ("node", "pages")  # it has no `--once`
    ))
    await server.stop(None)
    return all(rights)


if __name__ == "__main__":
    sys.exit(0 if asyncio.run(main(*sys.argv[1:])) else 1)
