// Files that any server serves; leave `output` out for one that renders.
export default { output: 'export' }
