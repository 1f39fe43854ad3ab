// Fetches the chart script when a chart comes into view, not before. The names of the
// built files are put in by build.mjs; they stand beside this one.
/* global CHART_JS, CHART_CSS */

let loading;

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

const loadChart = () => {
  loading ??= Promise.all([import(new URL(CHART_JS, import.meta.url).href), loadStyle()]);
  return loading.then(([chart]) => chart);
};

const figureOf = (plot) =>
  [plot.previousElementSibling, plot.nextElementSibling].find((beside) =>
    beside?.classList.contains('vt-figure'));

export function watchPlots(root) {
  const plots = new Map(); // by figure: a plot itself is hidden until it is drawn
  for (const plot of root.querySelectorAll('.vt-plot[data-src]')) {
    const figure = figureOf(plot);
    if (figure) plots.set(figure, plot);
  }
  if (!plots.size || !('IntersectionObserver' in window)) return;
  const observer = new IntersectionObserver((entries) => {
    for (const { isIntersecting, target } of entries) {
      if (!isIntersecting) continue;
      observer.unobserve(target);
      // The server's drawing stays where this one does not come about.
      loadChart()
        .then((chart) => chart.draw(plots.get(target), target))
        .catch(() => {});
    }
  }, { rootMargin: '200px' });
  for (const figure of plots.keys()) observer.observe(figure);
}
