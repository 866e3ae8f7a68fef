/** The page's style sheet. Light and dark by the reader's setting, one column on a phone, no colour on paper that the eye needs. */
export const style = `
:root{color-scheme:light dark;--paper:#fff;--card:#f7f8fa;--ink:#16202c;--soft:#526070;--line:#dde2e8;--federated:#1d5fd1;--local:#b45309;--centralised:#64748b;--good:#0f7a4d;--bad:#b3261e;--warn:#8a5a00;--on:#fff;
--k0:#1d5fd1;--k1:#7fb0f5;--k2:#c8a15a;--k3:#0f7a4d;--k4:#b45309;--k5:#7c4dbd;--k6:#94a3b8;--k7:#be3f6a}
@media (prefers-color-scheme:dark){:root{--paper:#11161d;--card:#1a212b;--ink:#e8edf3;--soft:#a3b0bf;--line:#303b48;--federated:#6ea8ff;--local:#f0a35c;--centralised:#9aa8b8;--good:#56c596;--bad:#ff8a80;--warn:#f2c063;--on:#0b1016;
--k0:#6ea8ff;--k1:#35609f;--k2:#d9b672;--k3:#56c596;--k4:#f0a35c;--k5:#b794f0;--k6:#64748b;--k7:#f08fb0}}
*{box-sizing:border-box}
body{margin:0;background:var(--paper);color:var(--ink);font:16px/1.55 system-ui,-apple-system,"Segoe UI",Roboto,"Noto Sans",sans-serif}
main{max-width:1160px;margin:0 auto;padding:32px 24px 64px}
header p{margin:0;color:var(--soft)}
.brand{font-size:13px;letter-spacing:.06em;text-transform:uppercase}
h1{font-size:32px;line-height:1.2;margin:4px 0 6px;overflow-wrap:anywhere}
h2{font-size:21px;margin:48px 0 4px}
h3{font-size:15px;margin:0 0 6px}
p{margin:0 0 10px;max-width:76ch}
.lead{color:var(--soft);margin-bottom:16px}
.verdict{margin:24px 0 0;padding:18px 20px;border-left:6px solid var(--centralised);background:var(--card);border-radius:0 8px 8px 0}
.verdict.helped{border-color:var(--good)}.verdict.hurt{border-color:var(--bad)}.verdict.no-difference{border-color:var(--warn)}
.verdict .say{font-size:20px;line-height:1.4;font-weight:600;margin:0 0 6px}
.verdict p:last-child{margin-bottom:0}
.tiles{display:grid;grid-template-columns:repeat(auto-fit,minmax(240px,1fr));gap:16px;margin:20px 0 0}
.tile{background:var(--card);border-radius:8px;padding:14px 18px;border-top:5px solid}
.tile.centralised{border-color:var(--centralised)}.tile.local{border-color:var(--local)}.tile.federated{border-color:var(--federated)}
.tile b{display:block;font-size:30px;line-height:1.25;font-variant-numeric:tabular-nums}
.tile small,.note{color:var(--soft);font-size:14px}
.cards{display:grid;grid-template-columns:repeat(auto-fill,minmax(min(100%,420px),1fr));gap:16px;align-items:start}
.cards+.card,.card+.cards{margin-top:16px}.card>.note:nth-child(2){margin:-4px 0 8px}
.card{background:var(--card);border-radius:8px;padding:16px 18px;min-width:0;break-inside:avoid}
.card p:last-child{margin-bottom:0}
.chart{display:block;width:100%;max-width:540px;height:auto;overflow:visible}
.chart text{font:11.5px system-ui,-apple-system,"Segoe UI",Roboto,"Noto Sans",sans-serif;fill:var(--ink)}
.chart .tick,.chart .axis{fill:var(--soft);font-size:11px}
.chart .figure,.chart .strong{font-weight:600}.chart .figure:not(.on-dark){paint-order:stroke;stroke:var(--card);stroke-width:4px;stroke-linejoin:round}.chart .figure.cell{stroke:none}
.chart .on-dark{fill:var(--on)}
.grid{stroke:var(--line);stroke-width:1}
.fill-centralised{fill:var(--centralised)}.fill-local{fill:var(--local)}.fill-federated{fill:var(--federated)}
.line{fill:none;stroke:var(--ink);stroke-width:2.2;stroke-linejoin:round}
.line-federated{stroke:var(--federated)}.line-local{stroke:var(--local);stroke-dasharray:6 3}.line-centralised{stroke:var(--centralised);stroke-dasharray:2 3}
.faint{stroke-width:1;opacity:.45}
.whisker{stroke:var(--ink);stroke-width:1.6}
.reference{stroke:var(--soft);stroke-width:1.3;stroke-dasharray:4 3}
.mark-local{fill:var(--card);stroke:var(--local);stroke-width:2}.mark-federated{fill:var(--federated)}.mark-centralised{stroke:var(--centralised);stroke-width:2.4}
.gain{stroke:var(--federated);stroke-width:2.4;opacity:.55}.loss{stroke:var(--local);stroke-width:2.4;stroke-dasharray:3 2}
.dot{fill:var(--federated);fill-opacity:.45}
.cell-right{fill:var(--federated)}.cell-wrong{fill:var(--local)}
.kind-0{fill:var(--k0)}.kind-1{fill:var(--k1)}.kind-2{fill:var(--k2)}.kind-3{fill:var(--k3)}.kind-4{fill:var(--k4)}.kind-5{fill:var(--k5)}.kind-6{fill:var(--k6)}.kind-7{fill:var(--k7)}
.scroll{overflow-x:auto}
table{border-collapse:collapse;font-size:14.5px;font-variant-numeric:tabular-nums}
.full{width:100%}
th,td{padding:6px 12px 6px 0;text-align:right;border-bottom:1px solid var(--line);vertical-align:top}
th:first-child,td:first-child{text-align:left}
th{font-weight:600;color:var(--soft);vertical-align:bottom}td{white-space:nowrap}.words td{white-space:normal}.cards table{font-size:13.5px}.scroll+.note{margin-top:12px}
td:first-child{min-width:9ch}td:last-child,th:last-child{padding-right:2px}
.words td,.words th{text-align:left}
tr.federated td{font-weight:600}
tr.quiet td{color:var(--soft)}
details{margin-top:10px}
summary{cursor:pointer;color:var(--soft);font-size:14px}
summary:focus-visible,.scroll:focus-visible,pre:focus-visible{outline:2px solid var(--federated);outline-offset:2px}
pre{margin:0;overflow-x:auto;font:13px/1.5 ui-monospace,"SF Mono",Consolas,"Liberation Mono",monospace;background:var(--card);border-radius:8px;padding:16px 18px}
.card pre{padding:0;background:none}
code{font-family:ui-monospace,"SF Mono",Consolas,"Liberation Mono",monospace;font-size:.92em;overflow-wrap:anywhere}
ul{margin:0;padding-left:20px}li{margin:4px 0;max-width:80ch}
footer{margin-top:48px;padding-top:16px;border-top:1px solid var(--line);color:var(--soft);font-size:14px}
@media (max-width:620px){main{padding:20px 14px 40px}h1{font-size:25px}h2{margin-top:36px}.verdict{padding:14px}.verdict .say{font-size:17.5px}.card{padding:14px 12px}.tile b{font-size:26px}.chart text{font-size:12.5px}.chart .tick,.chart .axis{font-size:12px}}
@media print{:root{color-scheme:light;--paper:#fff;--card:#fff;--ink:#000;--soft:#333;--line:#bbb;--federated:#1d5fd1;--local:#b45309;--centralised:#64748b;--on:#fff}body{font-size:12px}main{max-width:none;padding:0}.card,.tile,.verdict{border:1px solid #bbb;break-inside:avoid}.cards{grid-template-columns:1fr 1fr}h2{break-after:avoid;margin-top:24px}pre{white-space:pre-wrap}*{print-color-adjust:exact;-webkit-print-color-adjust:exact}}
`.trim();
