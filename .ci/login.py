"""Sends a signed login of each user to a server whose app 1 has the callback secret "secret".

FORWARDED_FOR, from the environment, is the X-Forwarded-For of the requests.
"""

import hashlib
import json
import os
import sys
import time
import urllib.request

url, room, *users = sys.argv[1:]
headers = {"Content-Type": "application/json"}
if "FORWARDED_FOR" in os.environ:
    headers["X-Forwarded-For"] = os.environ["FORWARDED_FOR"]
for user in users:
    timestamp, nonce = str(int(time.time())), str(time.time_ns())
    signed = "".join(sorted(["secret", timestamp, nonce]))
    body = {
        "event": "room_login",
        "appid": "1",
        "timestamp": timestamp,
        "nonce": nonce,
        "signature": hashlib.sha1(signed.encode()).hexdigest(),
        "room_id": room,
        "room_seq": "6085791336856668982",
        "user_account": user,
        "user_nickname": user,
        "session_id": nonce,
        "login_time": str(time.time_ns() // 1_000_000),
        "user_role": "2",
        "user_update_seq": str(users.index(user) + 1),
    }
    request = urllib.request.Request(
        url + "/webhooks/zego",
        json.dumps(body).encode(),
        headers,
    )
    with urllib.request.urlopen(request) as response:
        print(user, response.status, response.read().decode())
