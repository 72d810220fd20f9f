import { LineCounter } from "yaml";

/** A place in a file, counted from 1 as editors do. */
export interface Position {
	readonly file: string;
	readonly line: number;
	readonly column: number;
}

/** A text that knows where its characters stand in a file. */
export interface Source {
	readonly text: string;
	/** @param offset into the text */
	position(offset: number): Position;
}

/** One document of a file. */
export class DocumentSource implements Source {
	readonly file: string;
	readonly text: string;
	readonly #linesBefore: number;
	readonly #lines = new LineCounter();

	/** @param linesBefore how many lines of the file come before the document */
	constructor(file: string, text: string, linesBefore: number) {
		this.file = file;
		this.text = text;
		this.#linesBefore = linesBefore;
		this.#lines.addNewLine(0);
		for (const { index } of text.matchAll(/\n/g)) this.#lines.addNewLine(index + 1);
	}

	position(offset: number): Position {
		const { line, col } = this.#lines.linePos(offset);
		return { file: this.file, line: this.#linesBefore + line, column: col };
	}
}
