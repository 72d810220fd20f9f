import { KeyDirectory } from "../../sealing/key-directory.ts";
import { type Finding, failure, ok } from "../../shared/finding.ts";
import type { SealedInstance } from "./instance.ts";

/** Whether the private keys can be used, and which they are. */
export function diagnose({ keyDirectory }: SealedInstance): readonly Finding[] {
	try {
		const files = new KeyDirectory(keyDirectory).keys();
		const told = files.map(({ file, key }, index) => `${key.id} (${file}${index === files.length - 1 ? ", the current one" : ""})`);
		return [ok("keys", `Values that are sealed for these keys can be opened: ${told.join(", ")}.`)];
	} catch (reason) {
		return [failure("keys", reason, "Mount the Secret with the keys into the provider's pod: see the chart's value sealing.")];
	}
}
