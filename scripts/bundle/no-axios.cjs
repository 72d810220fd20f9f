// Stands in for axios in the bundle. node-vault loads it, but calls it only where no transport of one's own
// is given, and Claviger always gives one.
exports.create = () => {
	throw new Error("This build of node-vault has no transport of its own: pass one as `request-promise`.");
};
