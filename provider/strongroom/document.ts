/** One member of a JSON object, as written: its name, and the bytes from behind the comma or brace to the next one. */
export interface Member {
	readonly name: string;
	readonly text: Buffer;
}

/** A JSON object taken apart: `frame` is the object without its members, such as `{}` and a newline. */
export interface Document {
	readonly frame: Buffer;
	readonly members: readonly Member[];
}

/** More members than anybody sets one by one; larger objects are kept whole. */
export const maximumMembers = 256;

const quoteMark = 0x22;
const backslash = 0x5c;
const comma = 0x2c;
const colon = 0x3a;
const openingBrace = 0x7b;
const openers = new Set([0x5b, openingBrace]);
const closers = new Set([0x5d, 0x7d]);

/** Parses bytes as JSON text, strictly UTF-8; undefined when they are not. The parser's own error would quote them. */
export function parseJson(bytes: Buffer): { readonly value: unknown } | undefined {
	try {
		return { value: JSON.parse(new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes)) };
	} catch {
		return undefined;
	}
}

/** Whether bytes are a JSON object or list. A lone number or text is taken for what it most likely is: a password. */
export function isStructuredJson(bytes: Buffer): boolean {
	const parsed = parseJson(bytes);
	return typeof parsed?.value === "object" && parsed.value !== null;
}

/**
 * Takes a JSON object apart so that {@link joinDocument} gives back the very same bytes: white space,
 * the digits of numbers and the order of members included. Undefined when the bytes are no JSON
 * object, or one that has a name twice, names out of the ordinary, or too many members.
 */
export function splitDocument(bytes: Buffer): Document | undefined {
	const parsed = parseJson(bytes)?.value;
	if (typeof parsed !== "object" || parsed === null || Array.isArray(parsed)) return undefined;
	const opening = bytes.indexOf(openingBrace);
	const closing = bytes.lastIndexOf("}");
	const inside = bytes.subarray(opening + 1, closing);
	const isEmpty = Object.keys(parsed).length === 0;
	const members = isEmpty ? [] : splitTopLevel(inside).map(toMember);
	if (members.length > maximumMembers || !members.every(isSettable)) return undefined;
	if (new Set(members.map((member) => member.name)).size !== members.length) return undefined;
	const frame = isEmpty ? Buffer.from(bytes) : Buffer.concat([bytes.subarray(0, opening + 1), bytes.subarray(closing)]);
	return { frame, members };
}

/** Puts a document together again. */
export function joinDocument(frame: Buffer, members: readonly Buffer[]): Buffer {
	const inside = frame.indexOf(openingBrace) + 1;
	const separated = members.flatMap((member, index) => (index === 0 ? [member] : [Buffer.of(comma), member]));
	return Buffer.concat([frame.subarray(0, inside), ...separated, frame.subarray(inside)]);
}

/** Whether a member's name can stand in a table of names: short, and every character of it survives as UTF-8 text. */
function isSettable(member: Member): boolean {
	return memberNameProblem(member.name) === undefined;
}

/** Why a text is no name of a member that may be set, as a clause. */
export function memberNameProblem(name: string): string | undefined {
	return name !== "" && name.length <= 253 && !/[\p{Cc}\p{Cs}]/u.test(name) ? undefined : "is not 1 to 253 printable characters";
}

/** A member that holds a text. */
export function textMember(name: string, text: string): Member {
	return { name, text: Buffer.from(`${JSON.stringify(name)}:${JSON.stringify(text)}`, "utf8") };
}

/** The pieces between the commas of the outermost level. JSON's punctuation is ASCII, so bytes serve for UTF-8 text. */
function splitTopLevel(text: Buffer): readonly Buffer[] {
	const pieces: Buffer[] = [];
	let start = 0;
	let depth = 0;
	for (let index = 0; index < text.length; index += 1) {
		const byte = text[index] ?? 0;
		if (byte === quoteMark) index = endOfString(text, index);
		else if (openers.has(byte)) depth += 1;
		else if (closers.has(byte)) depth -= 1;
		else if (byte === comma && depth === 0) {
			pieces.push(text.subarray(start, index));
			start = index + 1;
		}
	}
	return [...pieces, text.subarray(start)];
}

function toMember(text: Buffer): Member {
	const start = text.indexOf(quoteMark);
	const end = text.indexOf(colon, endOfString(text, start));
	const name: unknown = JSON.parse(text.toString("utf8", start, end));
	return { name: String(name), text };
}

/** The index of the quotation mark that ends the string which begins at `start`. */
function endOfString(text: Buffer, start: number): number {
	let index = start + 1;
	while (index < text.length && text[index] !== quoteMark) index += text[index] === backslash ? 2 : 1;
	return index;
}
