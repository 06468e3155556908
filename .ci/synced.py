"""Checks, in a trace of system calls, that no callback is acknowledged before it is durable.

Each `HTTP/1.1 200` that is written to a webhook connection has to come after a sync of the
journal: one that began after the last byte of the request was read and something was written
to a segment after that, and that ended well. Then the trace is doctored, to see that this
check would notice.
"""

import argparse
import re
import sys

LINE = re.compile(r"^(?P<thread>\d+)\s+(?P<rest>.*)$")
RESUMED = re.compile(r"^<\.\.\. (?P<call>\w+) resumed>(?P<rest>.*)$")
CALL = re.compile(r"^(?P<call>\w+)\((?P<fd>\d+)<(?P<file>.*?)>(?=[,)]| <unfinished)(?P<rest>.*)$")
RESULT = re.compile(r"= (?P<result>-?\d+)(?: .*)?$")

READS = {"read", "recvfrom", "readv"}
WRITES = {"write", "writev", "sendto", "sendmsg"}
SYNCS = {"fdatasync", "fsync"}


def events(lines):
    """The begin and the end of each call: (is_end, call, file, text, result)."""
    open_calls = {}
    for line in lines:
        found = LINE.match(line)
        if not found:
            continue
        thread, rest = found["thread"], found["rest"]
        resumed = RESUMED.match(rest)
        if resumed:
            begun = open_calls.pop(thread, None)
            if begun:
                call, file, text = begun
                yield True, call, file, text + resumed["rest"], result_of(rest)
            continue
        found = CALL.match(rest)
        if not found:
            continue
        begun = found["call"], found["file"], found["rest"]
        yield False, *begun, None
        if rest.endswith("<unfinished ...>"):
            open_calls[thread] = begun
        else:
            yield True, *begun, result_of(rest)


def result_of(text):
    found = RESULT.search(text)
    return int(found["result"]) if found else None


def check(lines, port):
    """How many callbacks were acknowledged, and what is wrong with which."""
    webhook = f"127.0.0.1:{port}->"
    count, wrong, moment = 0, [], 0
    read_at = {}  # by connection: when the last of its request was read
    written_at = []  # when something was written to a segment
    begun = {}  # by segment: when the sync began that is under way
    syncs = []  # when each sync began that ended well
    for is_end, call, file, text, result in events(lines):
        moment += 1
        if webhook in file:
            if call in READS and is_end and result and result > 0:
                read_at[file] = moment
            if call in WRITES and not is_end and '"HTTP/1.1 200' in text:
                count += 1
                asked = read_at.get(file)
                if asked is None or not is_synced(asked, written_at, syncs):
                    wrong.append(f"acknowledgement {count}, on {file}")
        elif file.endswith(".segment"):
            if call == "pwrite64" and is_end and result and result > 0:
                written_at.append(moment)
            if call in SYNCS and not is_end:
                begun[file] = moment
            if call in SYNCS and is_end and result == 0:
                syncs.append(begun.pop(file))
    return count, wrong


def is_synced(asked, written_at, syncs):
    written = next((at for at in written_at if at > asked), None)
    return written is not None and bool(syncs) and max(syncs) > written


def doctored(lines, drops):
    """The trace without some syncs: `drops` is asked for each, by its number."""
    number, dropping = 0, set()
    for line in lines:
        found = LINE.match(line)
        thread = found and found["thread"]
        is_sync = ".segment>" in line and re.search(r" f(data)?sync\(", line)
        if is_sync:
            number += 1
            if drops(number):
                if line.rstrip().endswith("<unfinished ...>"):
                    dropping.add(thread)
                continue
        if thread in dropping and re.search(r"<\.\.\. f(data)?sync resumed>", line):
            dropping.discard(thread)
            continue
        yield line


def failing(lines):
    """The trace with syncs that fail."""
    for line in lines:
        if re.search(r" f(data)?sync\(|<\.\.\. f(data)?sync resumed>", line):
            line = re.sub(r"= 0$", "= -1 EIO (Input/output error)", line)
        yield line


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("trace")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--expect", type=int, required=True, help="how many callbacks were sent")
    args = parser.parse_args()
    with open(args.trace, encoding="utf-8", errors="replace") as file:
        lines = [line.rstrip("\n") for line in file]

    count, wrong = check(lines, args.port)
    print(f"{count} callbacks were acknowledged, {count - len(wrong)} of them after their sync")
    for line in wrong:
        print(f"not synced: {line}")
    if count != args.expect or wrong:
        sys.exit(f"expected {args.expect} acknowledgements, all synced")

    # Would it notice? Without any sync, with every tenth missing, with syncs that fail.
    for what, lies, least in [
        ("no sync", doctored(lines, lambda _: True), count),
        ("every tenth sync missing", doctored(lines, lambda number: number % 10 == 0), 1),
        ("failing syncs", failing(lines), count),
    ]:
        noticed = len(check(lies, args.port)[1])
        print(f"in a trace doctored to have {what}, {noticed} are noticed")
        if noticed < least:
            sys.exit("the check would not notice")


if __name__ == "__main__":
    main()
