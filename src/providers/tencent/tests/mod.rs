mod rooms;
mod verify;
