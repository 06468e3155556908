// Prints who is in a room, then follows it, whatever happens to the server or the network.
//
//     npm install --prefix examples/node
//     node examples/node/watch.js ROOM [--app demo] [--server 127.0.0.1:50051]
//
// It follows the rules of docs/watch.md.

import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import grpc from "@grpc/grpc-js";
import loader from "@grpc/proto-loader";

const proto = fileURLToPath(new URL("../../proto", import.meta.url));
const definition = loader.loadSync("headcount/v1/presence.proto", {
  includeDirs: [proto],
  keepCase: true,
  longs: String, // revisions and digests are 64 bits: too long for a number
  enums: String,
  defaults: true, // a field that was not sent has its default, a list is empty
  oneofs: true, // `update.update` names the field that is set
});
const { PresenceService } = grpc.loadPackageDefinition(definition).headcount.v1;

// The server would refuse the same request again. After any other failure a retry can help.
const FINAL = new Set([
  grpc.status.INVALID_ARGUMENT,
  grpc.status.NOT_FOUND,
  grpc.status.UNAUTHENTICATED,
  grpc.status.PERMISSION_DENIED,
  grpc.status.UNIMPLEMENTED,
]);

// The limit of the first wait before a retry, and of any. In seconds.
const FIRST_WAIT = 0.1;
const LONGEST_WAIT = 5;

const CHANNEL_OPTIONS = {
  // Ask a quiet connection whether its other end is still there.
  "grpc.keepalive_time_ms": 20_000,
  "grpc.keepalive_timeout_ms": 10_000,
  // A new client is a new connection, and not that of the client before. grpc-js itself waits for
  // ever where a connection is accepted and then nothing comes.
  "grpc.use_local_subchannel_pool": 1,
};

// A stream ended or is of no more use. Another may do better.
class Lost extends Error {}

// Waits of a random length up to a limit that doubles. So clients that lost one server do not
// return all at once.
class Backoff {
  #limit = FIRST_WAIT;

  reset() {
    this.#limit = FIRST_WAIT;
  }

  // The wait before the next attempt, and its limit.
  next() {
    const limit = this.#limit;
    this.#limit = Math.min(2 * limit, LONGEST_WAIT);
    return { wait: Math.random() * limit, limit };
  }
}

// A copy of the users of a room, made of the messages of watches.
class RoomCopy {
  users = new Map();
  resume_token = "";
  in_snapshot = false;

  begin_stream() {
    this.in_snapshot = false;
  }

  // Applies one message. Returns whether the copy moved on from where it was.
  apply({ update: kind, snapshot, changes, progress, resume_token }) {
    if (kind === "snapshot") this.#add_part(snapshot);
    if (kind === "changes") for (const change of changes.changes) this.#change(change);
    if (kind === "progress" && progress.digest !== digest(this.users.values())) {
      this.resume_token = "";
      throw new Lost("the copy is wrong: its digest is not the server's");
    }
    this.resume_token = resume_token || this.resume_token;
    // A snapshot is no success yet: if each stream broke after its snapshot, the server would
    // have to send the whole room again and again.
    return kind === "changes" || kind === "progress";
  }

  #add_part({ users, complete }) {
    if (!this.in_snapshot) {
      // The old copy is gone: only a whole new one can be resumed from.
      this.users.clear();
      this.resume_token = "";
    }
    this.in_snapshot = !complete;
    for (const user of users) this.users.set(user.user_id, user);
  }

  #change(entry) {
    const change = entry[entry.change];
    switch (entry.change) {
      case "user_joined":
      case "user_updated":
        this.users.set(change.user.user_id, change.user);
        break;
      case "user_left":
        this.users.delete(change.user.user_id);
        break;
      case "room_opened":
      case "room_closed":
        this.users.clear();
    }
  }
}

// The digest of a copy, to compare with that of `progress`.
function digest(users) {
  let total = 0n;
  for (const { user_id, session_id } of users) {
    let fnv1a = 0xcbf29ce484222325n;
    for (const byte of Buffer.from(`${user_id}\0${session_id}`)) {
      fnv1a = BigInt.asUintN(64, (fnv1a ^ BigInt(byte)) * 0x100000001b3n);
    }
    total = BigInt.asUintN(64, total + fnv1a);
  }
  return total.toString();
}

// Yields the messages of one stream, which goes on where the copy is.
async function* watch(client, app, room_id, copy, silence_max) {
  copy.begin_stream();
  const stream = client.WatchRoom({ app, room_id, resume_token: copy.resume_token });
  stream.on("error", () => {}); // the loop has it; one that comes later is of a stream given up
  const end = () => stream.destroy(new Lost(`silent for ${silence_max} s`));
  const silence = setTimeout(end, silence_max * 1000);
  try {
    for await (const update of stream) {
      silence.refresh();
      yield update;
    }
  } finally {
    clearTimeout(silence);
    stream.cancel();
  }
  throw new Lost("the stream ended");
}

// Whether it is the status of a call.
function is_status(error) {
  return typeof error.code === "number";
}

// Makes attempts until one fails for good, each on a connection of its own.
async function keep_trying(server, attempt) {
  const backoff = new Backoff();
  for (;;) {
    const client = new PresenceService(server, grpc.credentials.createInsecure(), CHANNEL_OPTIONS);
    try {
      await attempt(client, backoff);
    } catch (error) {
      const may_pass = error instanceof Lost || (is_status(error) && !FINAL.has(error.code));
      if (!may_pass) throw error;
      const { wait, limit } = backoff.next();
      console.error(`lost ${server}, retrying: ${error.details ?? error.message} (within ${limit} s)`);
      await sleep(wait * 1000);
    } finally {
      client.close();
    }
  }
}

// `changes`, `progress`, or `snapshot` and its reason.
function name({ update, snapshot }) {
  return snapshot ? `snapshot ${snapshot.reason.replace("SNAPSHOT_REASON_", "")}` : update;
}

const { values: options, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    app: { type: "string", default: "demo" },
    server: { type: "string", default: "127.0.0.1:50051" },
    // That of the server's configuration, in seconds. Twice as long a silence is an end.
    "progress-interval": { type: "string", default: "15" },
  },
});
const [room_id] = positionals;
if (!room_id) {
  console.error("usage: node watch.js ROOM [--app APP] [--server SERVER] [--progress-interval SECONDS]");
  process.exit(2);
}

const copy = new RoomCopy();
// The server is never silent for longer than one interval.
const silence_max = 2 * Number(options["progress-interval"]);
try {
  await keep_trying(options.server, async (client, backoff) => {
    for await (const update of watch(client, options.app, room_id, copy, silence_max)) {
      if (copy.apply(update)) backoff.reset();
      if (copy.in_snapshot) continue;
      const ids = [...copy.users.keys()].sort().join(", ") || "nobody";
      console.log(`${update.revision} ${name(update)}: ${ids}`);
    }
  });
} catch (error) {
  if (!is_status(error)) throw error;
  console.error(`refused: ${grpc.status[error.code]}: ${error.details}`);
  process.exit(1);
}
