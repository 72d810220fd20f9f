// Runs the bundle once and keeps what V8 compiled on the way, for start.cjs. Only ever runs while an image is built:
//
//   node --random-seed=1 FLAGS… compile.cjs PROGRAM-DIRECTORY serve --help
//
// The same bundle gives the same bytes. The help of `serve` loads all that serving needs and depends on nothing outside;
// the seed orders V8's tables, and is no flag that code has to fit; and what V8 does by the clock is off meanwhile.
"use strict";
const { writeFileSync } = require("node:fs");
const { join } = require("node:path");
const { setFlagsFromString } = require("node:v8");

/** Marks functions when they ran often enough, and drops code that has not run for a while. Both are V8's defaults. */
const byTheClock = ["sparkplug", "flush-bytecode"];

const [directory] = process.argv.splice(2, 1);
for (const flag of byTheClock) setFlagsFromString(`--no-${flag}`);
const { compiled, load } = require(join(directory, "start.cjs"));
const { script, run } = load();
process.on("exit", () => {
	// The code has to fit the flags of the image, and is marked with those that are set now.
	for (const flag of byTheClock) setFlagsFromString(`--${flag}`);
	writeFileSync(compiled, script.createCachedData());
});
run();
