import type { Socket } from "node:net";
import { Duplex } from "node:stream";

/**
 * Turns of the event loop between http2's writing of an answer and of the status behind it (three of Node 24's, seen from
 * here), and as many again, because nothing promises that number.
 */
const turnsOfAnAnswer = 6;

/**
 * A connection that gathers what is written within a few turns of the event loop and sends it as one piece.
 *
 * Node sends the trailers of a stream only after its data has left. A process that is killed in between has begun answers
 * that it does not end, and a client does not repeat a call whose answer has begun (gRFC A6, "when retries are valid"). In one
 * piece an answer arrives as a whole or not at all. It also spares system calls, more than the detour costs.
 *
 * Writes are acknowledged at once: what may wait here is bounded by the windows of HTTP/2's own flow control.
 */
export class WholeWrites extends Duplex {
	readonly #socket: Socket;
	#gathered: Buffer[] = [];
	#isGathering = false;

	constructor(socket: Socket) {
		super();
		this.#socket = socket;
		socket.on("data", (chunk: Buffer) => {
			if (!this.push(chunk)) socket.pause();
		});
		socket.on("end", () => this.push(null));
		socket.on("error", (error) => this.destroy(error));
		socket.on("close", () => this.destroy());
	}

	override _read(): void {
		this.#socket.resume();
	}

	override _write(chunk: Buffer, _encoding: BufferEncoding, callback: () => void): void {
		this.#gather(chunk);
		callback();
	}

	override _writev(chunks: readonly { readonly chunk: Buffer }[], callback: () => void): void {
		for (const { chunk } of chunks) this.#gather(chunk);
		callback();
	}

	override _final(callback: () => void): void {
		this.#send();
		this.#socket.end(callback);
	}

	override _destroy(error: Error | null, callback: (error: Error | null) => void): void {
		this.#socket.destroy();
		callback(error);
	}

	#gather(chunk: Buffer): void {
		this.#gathered.push(chunk);
		if (this.#isGathering) return;
		this.#isGathering = true;
		this.#sendAfter(turnsOfAnAnswer);
	}

	#sendAfter(turns: number): void {
		setImmediate(() => {
			if (turns > 1) this.#sendAfter(turns - 1);
			else this.#send();
		});
	}

	#send(): void {
		const chunks = this.#gathered;
		this.#gathered = [];
		this.#isGathering = false;
		if (chunks.length > 0 && !this.#socket.destroyed) this.#socket.write(Buffer.concat(chunks));
	}
}
