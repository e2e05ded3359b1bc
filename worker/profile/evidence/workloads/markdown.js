// Renders Markdown with marked for so many seconds: what `node --cpu-prof` records.
'use strict';
const { marked } = require('marked');

const TEXT = '# Title\n\nSome *emphasis*, **strong**, `code`, [a link](x).\n\n- one\n- two\n\n```js\nx = 1\n```\n\n> quote\n\n'.repeat(60);

function render(seconds) {
  const end = Date.now() + seconds * 1000;
  while (Date.now() < end) marked.parse(TEXT);
}

render(Number(process.argv[2]));
