#!/usr/local/bin/node --max-heap-size=48
// Starts the bundle that lies beside this file from compiled code where that fits this Node, and else from its source.
// Node's own compile cache would not serve an image: it is kept apart by user and by the features of the processor, and
// holds no function that was compiled after loading. `compile.cjs` makes the code.
//
// The first line bounds, in MiB, the heap of a command that is run beside the provider, such as the doctor, because both share
// the container's memory. The provider itself is started with the flags of the image.
"use strict";
const { readFileSync } = require("node:fs");
const { join } = require("node:path");
const { constants, Script } = require("node:vm");

const program = join(__dirname, "claviger.cjs");
const compiled = join(__dirname, "claviger.code");

/** The bundle as a script and what runs it as the main program. */
function load(cachedData) {
	const source = readFileSync(program, "utf8");
	const script = new Script(`(function (exports, require, module, __filename, __dirname) {${source}\n})`, {
		filename: program,
		cachedData,
		importModuleDynamically: constants.USE_MAIN_CONTEXT_DEFAULT_LOADER,
	});
	return { script, run: () => script.runInThisContext()(exports, require, module, program, __dirname) };
}

if (require.main === module) load(readFileSync(compiled)).run();
else module.exports = { compiled, load };
