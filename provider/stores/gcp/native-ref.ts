import { type Fields, quote } from "../../plan/fields.ts";
import { isCiphertext, readCiphertext } from "./ciphertext.ts";
import type { GcpInstance } from "./instance.ts";
import { type GcpRef, makeResourceRef } from "./ref.ts";
import { isLocation, readResource } from "./resource.ts";

/**
 * Reads an entry of the native dialect: `path`, a resource's full name; or the name of a secret or parameter (`kind`,
 * default `secret`), with `version` (default `latest`; a parameter has none), `project` and `location` (defaults: the
 * store's, global). What a value that lies in the entry has instead, {@link readCiphertext} knows.
 */
export function readGcpRef(fields: Fields, instance: Pick<GcpInstance, "project" | "location" | "allowUnboundKms">): GcpRef {
	if (isCiphertext(fields.text("path") ?? "", fields.has("ciphertext"))) return readCiphertext(fields, instance);
	const path = fields.required("path", "Write a name such as db, or projects/shop/secrets/db/versions/latest.");
	return path.includes("/") ? readFullName(fields, path) : readShortName(fields, path, instance);
}

function readFullName(fields: Fields, path: string): GcpRef {
	for (const key of ["kind", "version", "project", "location"])
		if (fields.node(key) !== undefined)
			fields.reject(key, "stands beside a path that says it too", "Remove it, or write the short name as path.");
	const resource = readResource(path);
	if ("kind" in resource) return makeResourceRef(resource.kind, resource);
	fields.reject("path", `is ${quote(path)}, which ${resource.problem}`, resource.remedy);
	return makeResourceRef("secret", { name: path, location: "global" });
}

function readShortName(fields: Fields, id: string, instance: Pick<GcpInstance, "project" | "location">): GcpRef {
	const kind = fields.oneOf("kind", ["secret", "parameter"], "secret");
	const project = fields.text("project") ?? instance.project;
	const location = fields.text("location") ?? instance.location;
	const version =
		kind === "parameter"
			? fields.required("version", "Name the parameter's version: it has no newest one.")
			: (fields.text("version") ?? "latest");
	const isLocationGood = location === "" || isLocation(location);
	if (project === "") fields.reject("project", "is missing", "Write it here or at the store, or write the resource's full name as path.");
	if (!isLocationGood)
		fields.reject("location", `is ${quote(location)}, which is no location`, "Write global, or a region such as europe-west3.");
	const isGlobal = location === "" || location === "global";
	const place = kind === "secret" ? (isGlobal ? "" : `/locations/${location}`) : `/locations/${location || "global"}`;
	const name = `projects/${project}${place}/${kind}s/${id}/versions/${version}`;
	const resource = readResource(name);
	if ("kind" in resource) return makeResourceRef(kind, resource);
	if (id !== "" && project !== "" && isLocationGood && (kind === "secret" || version !== ""))
		fields.reject("path", `makes the resource name ${quote(name)}, which ${resource.problem}`, "Correct path, project or version.");
	return makeResourceRef(kind, { name, location: "global" });
}
