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
  defaults: true, // a field that was not sent has its default, a list is empty
  oneofs: true, // `update.update` names the field that is set
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
  if (update.update === "snapshot") {
    if (!in_snapshot) {
      // The old copy is gone: only a whole new one can be resumed from.
      users.clear();
      resume_token = "";
    }
    in_snapshot = !update.snapshot.complete;
    for (const user of update.snapshot.users) users.set(user.user_id, user);
  }
  if (update.update === "changes") {
    for (const entry of update.changes.changes) {
      const change = entry[entry.change];
      switch (entry.change) {
        case "user_joined":
        case "user_updated":
          users.set(change.user.user_id, change.user);
          break;
        case "user_left":
          users.delete(change.user.user_id);
          break;
        case "room_opened":
        case "room_closed":
          users.clear();
      }
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
    console.error(`lost ${server}, retrying: ${error.details}`);
    setTimeout(watch, 1000);
  });
}

watch();
