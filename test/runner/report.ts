/** Prints checks as they end and keeps the totals. */
export class Report {
	#passed = 0;
	#failed = 0;
	readonly #notes: string[] = [];
	readonly #failures: string[] = [];

	/** One line for something that ended, counted by its tests. */
	ended(name: string, counts: { passed: number; failed: number }, seconds: number, remark = ""): void {
		this.#passed += counts.passed;
		this.#failed += counts.failed;
		const mark = counts.failed === 0 ? paint("32", "ok    ") : paint("31", "FAILED");
		const tail = remark === "" ? "" : `  ${remark}`;
		console.log(`${mark} ${name.padEnd(44)} ${seconds.toFixed(1).padStart(6)} s${tail}`);
	}

	/** What failed, explained at once and named again at the end. */
	failures(names: readonly string[], details: string): void {
		this.#failures.push(...names);
		for (const name of names) console.log(paint("31", `  ✘ ${name}`));
		if (details.trim() !== "") console.log(details.trimEnd().replaceAll(/^(?=.)/gm, "    "));
	}

	progress(text: string): void {
		console.log(paint("2", `       ${text}`));
	}

	/** Something that the reader must know beside the totals; printed just before them. */
	note(text: string): void {
		this.#notes.push(text);
	}

	/** Prints the end, whose last line is `N passed, N failed`, and tells whether all is well. */
	close(): boolean {
		console.log("");
		for (const name of this.#failures) console.log(paint("31", `✘ ${name}`));
		for (const note of this.#notes) console.log(paint("33", note));
		console.log(`${this.#passed} passed, ${this.#failed} failed`);
		return this.#failed === 0;
	}
}

function paint(color: string, text: string): string {
	const colored = process.stdout.isTTY === true && process.env["NO_COLOR"] === undefined;
	return colored ? `\u001b[${color}m${text}\u001b[0m` : text;
}
