// What a user would write today: check the signature, keep the room as a hash in
// Redis, publish to its subscribers. Nothing is reconciled, and Redis does not sync.
import { createHash } from "node:crypto";
import Fastify from "fastify";
import Redis from "ioredis";

const [port, redisPort, secret] = process.argv.slice(2);
const redis = new Redis({ host: "127.0.0.1", port: Number(redisPort), enableAutoPipelining: true });
const app = Fastify({ logger: false });

const signature = ({ timestamp, nonce }) =>
  createHash("sha1").update([secret, timestamp, nonce].sort().join("")).digest("hex");

app.post("/webhooks/zego", async (request, reply) => {
  const body = request.body;
  if (signature(body) !== body.signature) return reply.code(401).send();
  const room = `room:${body.room_id}`;
  if (body.event === "room_login") {
    const user = JSON.stringify({
      nickname: body.user_nickname,
      role: body.user_role,
      session: body.session_id,
      at: body.login_time,
      platform: body.term_type,
      data: body.callback_data,
    });
    await Promise.all([
      redis.hset(room, body.user_account, user),
      redis.publish(room, JSON.stringify({ joined: body.user_account, user })),
    ]);
  } else if (body.event === "room_logout") {
    await Promise.all([
      redis.hdel(room, body.user_account),
      redis.publish(room, JSON.stringify({ left: body.user_account })),
    ]);
  }
  return { outcome: "accepted" };
});

await app.listen({ host: "127.0.0.1", port: Number(port) });
