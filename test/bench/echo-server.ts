// The floor: grpc-js with the same codec and an answer of the same size, and nothing else.
//   node echo-server.cjs SOCKET FILES BYTES
import { answerWith, serveMounts } from "./mount-server.ts";

const [socket = "", files = "1", bytes = "1024"] = process.argv.slice(2);
const contents = Array.from({ length: Number(files) }, () => Buffer.alloc(Number(bytes), "x"));
serveMounts(socket, async () => answerWith(contents));
