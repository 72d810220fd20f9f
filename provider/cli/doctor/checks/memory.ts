import { type Finding, failed, ok, unchecked, warning } from "../../../shared/finding.ts";
import type { Account } from "../account.ts";
import type { DoctorContext } from "../context.ts";
import type { ServeProcess } from "../serve-process.ts";

const mebibyte = 1024 * 1024;
/** What a provider takes beside its heap and the values that it keeps: Node itself, buffers, connections (measured: 50 to 60 MiB). */
const besideHeap = 60 * mebibyte;
/** A limit above this is none. */
const noLimit = 2 ** 50;

/** The container's limit against what the flags let the provider grow to. Node never gives memory back. */
export function checkMemory({ serve, account }: DoctorContext, running: ServeProcess): readonly Finding[] {
	const limit = limitOf(running);
	const heap = heapLimit(running.nodeFlags);
	if (heap === undefined) {
		const message = "The provider runs without --max-old-space-size, so nothing but the container's limit bounds its memory.";
		return [warning("memory", message, "Start it as the image does: node --max-semi-space-size=1 --max-old-space-size=48 …")];
	}
	const wanted = heap + serve.cacheBytes + besideHeap;
	const sum = `${show(heap)} of heap, ${show(serve.cacheBytes)} of values, about ${show(besideHeap)} besides`;
	if (limit === undefined)
		return [unchecked("memory", `The container's limit cannot be seen; the provider may grow to ${show(wanted)} (${sum}).`)];
	if (limit > noLimit) {
		return [
			warning("memory", `The container has no memory limit; the provider may grow to ${show(wanted)} (${sum}).`, setLimit(account, wanted)),
		];
	}
	if (limit >= wanted) return [ok("memory", `The limit of ${show(limit)} holds what the flags allow: ${sum}.`)];
	const message = `The limit of ${show(limit)} is less than what the flags allow, ${show(wanted)} (${sum}): the kernel may kill the provider.`;
	return [failed("memory", message, setLimit(account, wanted))];
}

function setLimit(account: Account, bytes: number): string {
	const rounded = Math.ceil(bytes / mebibyte / 16) * 16;
	return `Run: ${account.kubectl("set resources")} --limits=memory=${rounded}Mi`;
}

function show(bytes: number): string {
	return `${Math.round(bytes / mebibyte)} MiB`;
}

/** The last of the flags counts, as with Node. */
function heapLimit(nodeFlags: readonly string[]): number | undefined {
	const values = nodeFlags.map((flag) => /^--max[-_]old[-_]space[-_]size=(\d+)$/.exec(flag)?.[1]).filter((value) => value !== undefined);
	const last = values.at(-1);
	return last === undefined ? undefined : Number(last) * mebibyte;
}

/** Control groups of version 2, then 1. A container sees its own group at the top. */
function limitOf(running: ServeProcess): number | undefined {
	const groups = running.read("cgroup") ?? "";
	const unified = /^0::(.*)$/m.exec(groups)?.[1] ?? "/";
	const memory = /^\d+:memory:(.*)$/m.exec(groups)?.[1] ?? "/";
	const files = [
		`root/sys/fs/cgroup${unified}/memory.max`,
		"root/sys/fs/cgroup/memory.max",
		`root/sys/fs/cgroup/memory${memory}/memory.limit_in_bytes`,
		"root/sys/fs/cgroup/memory/memory.limit_in_bytes",
	];
	const text = files.map((file) => running.read(file)?.trim()).find((found) => found !== undefined);
	if (text === undefined) return undefined;
	return text === "max" ? Number.POSITIVE_INFINITY : Number(text);
}
