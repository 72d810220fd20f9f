/** What lies at a path of keys in parsed JSON; undefined where there is nothing. */
export function at(node: unknown, ...path: readonly string[]): unknown {
	return path.reduce<unknown>(
		(inner, key) => (typeof inner === "object" && inner !== null && Object.hasOwn(inner, key) ? Reflect.get(inner, key) : undefined),
		node,
	);
}

export function textAt(node: unknown, ...path: readonly string[]): string | undefined {
	const found = at(node, ...path);
	return typeof found === "string" ? found : undefined;
}

/** Empty where there is no list. */
export function listAt(node: unknown, ...path: readonly string[]): readonly unknown[] {
	const found = at(node, ...path);
	return Array.isArray(found) ? found : [];
}

/** The texts of a list; what is no text is left out. */
export function textsAt(node: unknown, ...path: readonly string[]): readonly string[] {
	return listAt(node, ...path).filter((entry) => typeof entry === "string");
}
