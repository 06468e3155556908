// Prints who is in a room, then follows it.
//
//     npm install --prefix examples/node
//     node examples/node/watch.js ROOM [SERVER] [APP]

import { fileURLToPath } from "node:url";
import grpc from "@grpc/grpc-js";
import loader from "@grpc/proto-loader";

const proto = fileURLToPath(new URL("../../proto", import.meta.url));
const definition = loader.loadSync("headcount/v1/presence.proto", {
  includeDirs: [proto],
  keepCase: true,
  longs: String, // revisions and digests are 64 bits: too long for a number
  enums: String,
  oneofs: true,
});
const { PresenceService } = grpc.loadPackageDefinition(definition).headcount.v1;

const [room_id, server = "127.0.0.1:50051", app = "demo"] = process.argv.slice(2);
if (!room_id) {
  console.error("usage: node watch.js ROOM [SERVER] [APP]");
  process.exit(2);
}
const client = new PresenceService(server, grpc.credentials.createInsecure());
const users = new Map();
let resume_token = "";
let in_snapshot = false;

function fold(update) {
  if (update.snapshot) {
    if (!in_snapshot) {
      // The old copy is gone: only a whole new one can be resumed from.
      users.clear();
      resume_token = "";
    }
    in_snapshot = !update.snapshot.complete;
    for (const user of update.snapshot.users) users.set(user.user_id, user);
  }
  for (const entry of update.changes?.changes ?? []) {
    if (entry.user_left) users.delete(entry.user_left.user.user_id);
    else if (entry.room_opened || entry.room_closed) users.clear();
    else {
      const joined = entry.user_joined ?? entry.user_updated;
      if (joined) users.set(joined.user.user_id, joined.user);
    }
  }
  resume_token = update.resume_token || resume_token;
}

function watch() {
  in_snapshot = false;
  const stream = client.WatchRoom({ app, room_id, resume_token });
  stream.on("data", (update) => {
    fold(update);
    if (!in_snapshot) {
      console.log(update.revision, update.update, [...users.keys()].sort().join(", ") || "nobody");
    }
  });
  // The server went away: connect again, and resume where this copy is.
  stream.on("error", (error) => {
    if (error.code !== grpc.status.UNAVAILABLE) throw error;
    setTimeout(watch, 1000);
  });
}

watch();
