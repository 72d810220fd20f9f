/** An answer claims success and holds nothing of what was asked for. The message is a clause, without anything of the answer. */
export class NoValue extends Error {
	override readonly name = "NoValue";
}
