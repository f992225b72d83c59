// Loaded before Mozilla's scanner, which asks for ports 80 and 443 of a public host: they are the
// front's ports here. Nothing else of it is changed.
import net from "node:net";

const PORTS = { 80: process.env.FRONT_HTTP, 443: process.env.FRONT_HTTPS };
const connect = net.Socket.prototype.connect;

net.Socket.prototype.connect = function (...told) {
  const options = Array.isArray(told[0]) ? told[0][0] : told[0];
  const port = PORTS[options?.port];
  if (port) Object.assign(options, { host: "127.0.0.1", port });
  return connect.apply(this, told);
};
