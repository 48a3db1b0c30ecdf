/** The page. Its parts are found by their ids in `page/tab-view.ts`. */
export const JOIN_PAGE = `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>Assay worker</title>
<link rel="icon" href="data:,">
<link rel="stylesheet" href="/join/page.css">
<script type="module" src="/join/page.mjs"></script>
<main>
<h1>Assay worker</h1>
<p id="state" role="status">Loading …</p>
<p id="problem" role="alert" hidden></p>
<form id="join" hidden>
<label for="code">Code that <code>assay join</code> printed</label>
<input id="code" required maxlength="20" autocomplete="off" autocapitalize="characters" spellcheck="false" placeholder="XXXXX-XXXXX">
<button>Join</button>
</form>
<section id="work" hidden>
<dl>
<dt>Worker</dt><dd id="name"></dd>
<dt>Pool</dt><dd id="pool"></dd>
<dt>Backends</dt><dd><ul id="backends"></ul></dd>
<dt>Now</dt><dd><span id="task">nothing</span><progress id="progress" max="1" value="0" hidden></progress></dd>
<dt>Results</dt><dd><span id="count">none yet</span><ul id="results"></ul></dd>
</dl>
<p>Models run in this tab while it is open and in front.</p>
<button id="leave" type="button">Leave</button>
</section>
<noscript><p>This page needs JavaScript.</p></noscript>
</main>
</html>
`;

export const JOIN_STYLE = `:root { color-scheme: light dark; font: 1rem/1.5 system-ui, sans-serif; }
body { margin: 0; background: Canvas; color: CanvasText; }
main { max-width: 34rem; margin: 0 auto; padding: 1.5rem 1rem; }
h1 { font-size: 1.4rem; margin: 0 0 .5rem; }
[hidden] { display: none !important; }
#problem { border-inline-start: .25rem solid #c62828; padding-inline-start: .75rem; }
label { display: block; margin-block-end: .25rem; }
input, button { font: inherit; padding: .6rem .8rem; border: 1px solid GrayText; border-radius: .4rem; box-sizing: border-box; }
input { width: 100%; font: 1.25rem ui-monospace, monospace; letter-spacing: .08em; text-transform: uppercase; }
button { margin-block-start: .75rem; min-height: 2.75rem; cursor: pointer; background: ButtonFace; color: ButtonText; }
form button { width: 100%; }
dl { display: grid; grid-template-columns: max-content 1fr; gap: .4rem 1rem; }
dt { color: GrayText; }
dd { margin: 0; overflow-wrap: anywhere; }
ul { list-style: none; margin: 0; padding: 0; }
progress { display: block; width: 100%; }
`;
