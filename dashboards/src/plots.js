// Fetches the chart script when a chart comes into view, not before. Names of the
// built files stand beside this one.
/* global CHART_JS, CHART_CSS */

let drawing;

function loadStyle() {
  return new Promise((resolve, reject) => {
    const link = document.createElement('link');
    link.rel = 'stylesheet';
    link.href = new URL(CHART_CSS, import.meta.url).href;
    link.onload = resolve;
    link.onerror = reject;
    document.head.append(link);
  });
}

async function draw(plot) {
  drawing ??= Promise.all([import(new URL(CHART_JS, import.meta.url).href), loadStyle()]);
  const [chart] = await drawing;
  await chart.draw(plot);
}

export function watchPlots(root) {
  const plots = root.querySelectorAll('.vt-plot[data-src]');
  if (!plots.length || !('IntersectionObserver' in window)) return;
  const observer = new IntersectionObserver((entries) => {
    for (const { isIntersecting, target } of entries) {
      if (!isIntersecting) continue;
      observer.unobserve(target);
      // The drawing of the server stays where this one does not come about.
      draw(target.nextPlot).catch(() => {});
    }
  }, { rootMargin: '200px' });
  for (const plot of plots) {
    // The plot itself is hidden as yet: its figure is what comes into view.
    const figure = plot.parentElement.querySelector('.vt-figure');
    if (!figure) continue;
    figure.nextPlot = plot;
    observer.observe(figure);
  }
}
