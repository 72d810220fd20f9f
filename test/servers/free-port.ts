import { randomInt } from "node:crypto";
import { once } from "node:events";
import { createServer } from "node:net";

// Below the range from which the kernel hands out ports by itself, so that nothing that asks for
// "any port" takes one between the moment it was found and the moment its server binds it.
const lowest = 10_000;
const highest = 32_000;

/** A loopback port that nothing listens on, for servers that must be told theirs. */
export async function freePort(): Promise<number> {
	for (;;) {
		const port = randomInt(lowest, highest);
		const server = createServer().listen(port, "127.0.0.1");
		const taken = await once(server, "listening").then(
			() => false,
			() => true,
		);
		if (taken) continue;
		server.close();
		await once(server, "close");
		return port;
	}
}
