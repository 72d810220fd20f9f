import type { ConjurRef } from "./ref.ts";

/** What is asked for in one request. */
export type Group = readonly ConjurRef[];

/** How many variables a batch may name. Source: Conjur Cloud, "Batch retrieval"; the servers have no limit of their own. */
export const mostIds = 250;
/** How many of them may be made anew at each read. Source: Conjur server 1.24. */
const mostDynamic = 10;
const dynamicBranch = "data/dynamic/";
/** Of the encoded list of ids, in characters: web servers and proxies take request lines of 8 KiB, and of the address nobody knows. */
const longestList = 6000;

/** Refs in as few groups as one request each can carry. */
export function groupsOf(refs: readonly ConjurRef[]): readonly Group[] {
	const groups: ConjurRef[][] = [];
	let [length, dynamic] = [0, 0];
	for (const ref of refs) {
		const size = encodedLength(ref);
		const isDynamic = ref.id.startsWith(dynamicBranch);
		const group = groups.at(-1);
		const fits = length + size <= longestList && (!isDynamic || dynamic < mostDynamic) && (group?.length ?? 0) < mostIds;
		if (group === undefined || !fits) {
			groups.push([ref]);
			[length, dynamic] = [size, isDynamic ? 1 : 0];
			continue;
		}
		group.push(ref);
		length += size;
		if (isDynamic) dynamic += 1;
	}
	return groups;
}

export function halves(refs: Group): readonly [Group, Group] {
	const middle = Math.ceil(refs.length / 2);
	return [refs.slice(0, middle), refs.slice(middle)];
}

/** Commas divide the ids of a batch, and a batch knows no versions. */
export function isBatchable({ full, version }: ConjurRef): boolean {
	return version === undefined && !full.includes(",");
}

/** Below the address. */
export function batchPath(refs: Group): string {
	return `/secrets/?variable_ids=${encodeURIComponent(refs.map(({ full }) => full).join(","))}`;
}

/** Below the address. */
export function singlePath({ account, id, version }: ConjurRef): string {
	const path = `/secrets/${encodeURIComponent(account)}/variable/${encodeURIComponent(id)}`;
	return version === undefined ? path : `${path}?version=${version}`;
}

const encodedComma = 3;

function encodedLength({ full }: ConjurRef): number {
	return encodeURIComponent(full).length + encodedComma;
}
