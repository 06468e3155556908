// Opens and cancels many watches at once, again and again, beside one that has to stay.
//
//     node cancelled.js SERVER ROOM
//
// Prints `cancelled` after that, and waits for a user who joins the room.

import { once } from "node:events";
import { setImmediate } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import grpc from "@grpc/grpc-js";
import loader from "@grpc/proto-loader";

const WATCHES = 64;
const ROUNDS = 20;

const proto = fileURLToPath(new URL("../../proto", import.meta.url));
const definition = loader.loadSync("headcount/v1/presence.proto", {
  includeDirs: [proto],
  keepCase: true,
  oneofs: true,
});
const { PresenceService } = grpc.loadPackageDefinition(definition).headcount.v1;

const [server, room_id] = process.argv.slice(2);
const client = new PresenceService(server, grpc.credentials.createInsecure());
const get_room_users = promisify(client.GetRoomUsers.bind(client));
const app = "demo";

const stays = client.WatchRoom({ app, room_id });
stays.on("error", (error) => {
  console.error(`the watch that stays ended: ${error.message}`);
  process.exit(1);
});
await once(stays, "data"); // the snapshot
for (let round = 0; round < ROUNDS; round++) {
  const others = [];
  for (let number = 0; number < WATCHES; number++) {
    const other = client.WatchRoom({ app, room_id: `${room_id}-${number}` });
    other.on("error", () => {}); // it was cancelled
    others.push(other);
  }
  await setImmediate(); // or they would be cancelled before they are sent
  for (const other of others) other.cancel();
  // The answer comes after the server has read all the cancels.
  await get_room_users({ app, room_id });
}
console.log("cancelled");
stays.on("data", ({ changes }) => {
  const change = changes?.changes.find(({ user_joined }) => user_joined);
  if (!change) return;
  console.log("joined:", change.user_joined.user.user_id);
  process.exit();
});
