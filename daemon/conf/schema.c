/*
 * The tables: what stands in vetrina.yaml, where it goes, what it is for. A key is
 * here when something acts on it, not before.
 */
#include "conf/schema.h"

#include "conf/conf.h"

#define SECOND 1e6
#define DAY (86400 * SECOND)
#define MIB 1048576.0

#define AT(type, member) .offset = offsetof(struct type, member)

/* A map binds two members of its struct, and its items begin with their id. */
#define IS_MAP(type, count_member, items_member)                 \
	_Static_assert(offsetof(struct type, items_member) ==    \
			   offsetof(struct type, count_member) + \
			       offsetof(struct conf_map, items), \
	    #items_member)
#define IS_ITEM(type)                                                              \
	_Static_assert(                                                            \
	    offsetof(struct type, id) == offsetof(struct conf_item, id) &&         \
		offsetof(struct type, place) == offsetof(struct conf_item, place), \
	    #type)

IS_MAP(conf, site_count, sites);
IS_MAP(conf_site, area_count, areas);
IS_MAP(conf_site, supplier_count, suppliers);
IS_MAP(conf_site, service_count, services);
IS_MAP(conf_service, check_count, checks);
IS_ITEM(conf_site);
IS_ITEM(conf_area);
IS_ITEM(conf_supplier);
IS_ITEM(conf_service);
IS_ITEM(conf_check);

static const char *const levels[] = {"error", "warning", "info", "debug", NULL};
static const char *const languages[] = {"it", "en", NULL};
static const char *const dns_words[] = {"ttl", NULL};

const struct option schema_check[] = {
    {.name = "every",
	.type = OPTION_DURATION,
	AT(conf_check, every_us),
	.fallback = "60s",
	.min = SECOND,
	.max = DAY,
	.text =
	    "How often it is measured, in whole seconds; also the step of its archive"},
    {.name = "timeout",
	.type = OPTION_DURATION,
	AT(conf_check, timeout_us),
	.fallback = "10s",
	.min = SECOND / 100,
	.max = 600 * SECOND,
	.text = "After how long a measurement has failed; at most the interval"},
    {.name = "required",
	.type = OPTION_BOOL,
	AT(conf_check, required),
	.fallback = "true",
	.text =
	    "Whether its failure means that the service is down; if false, that it is "
	    "degraded"},
    {.name = "dns_cache",
	.type = OPTION_DURATION,
	AT(conf_check, dns_cache_us),
	.fallback = "ttl",
	.max = DAY,
	.choices = dns_words,
	.text =
	    "How long a resolved name is kept: ttl is as long as its record says, a "
	    "duration at most that long, and 0s resolves it for each measurement"},
    {.name = "COLLECTOR",
	.type = OPTION_COLLECTOR,
	AT(conf_check, collector),
	.text = "What is measured and how: exactly one of the collectors below"},
    OPTION_END,
};

static const struct option objective[] = {
    {.name = "availability",
	.type = OPTION_NUMBER,
	AT(conf_service, objective.availability),
	.max = 100,
	.unit = "%",
	.example = "99.5",
	.text = "Share of the time measured in which the service should work"},
    {.name = "p95",
	.type = OPTION_DURATION,
	AT(conf_service, objective.p95_us),
	.min = SECOND / 1000,
	.max = 600 * SECOND,
	.example = "800ms",
	.text = "Time within which 95 answers of 100 should come; an answer that takes "
		"longer makes the verdict degraded"},
    OPTION_END,
};

const struct option schema_service[] = {
    {.name = "title",
	.type = OPTION_TEXT,
	AT(conf_service, title),
	.example = "{it: Anagrafe, en: Civil registry}",
	.text = "What a citizen calls it; a public service needs one"},
    {.name = "description",
	.type = OPTION_TEXT,
	AT(conf_service, description),
	.example = "{it: \"Certificati, residenza, carta d'identità\"}",
	.text = "What it is for, in a few words; a public service needs one"},
    {.name = "instead",
	.type = OPTION_TEXT,
	AT(conf_service, instead),
	.example = "{it: \"Sportello in municipio, lun-ven 9-12\"}",
	.text = "What a citizen can do while it does not work"},
    {.name = "area",
	.type = OPTION_STRING,
	AT(conf_service, area),
	.min = 1,
	.max = 63,
	.example = "demografica",
	.text = "The area it belongs to, one of the site's"},
    {.name = "supplier",
	.type = OPTION_STRING,
	AT(conf_service, supplier),
	.min = 1,
	.max = 63,
	.example = "fornitore",
	.text = "Who runs it, one of the site's suppliers"},
    {.name = "public",
	.type = OPTION_BOOL,
	AT(conf_service, public),
	.fallback = "false",
	.text = "Whether citizens see it"},
    {.name = "public_detail",
	.type = OPTION_BOOL,
	AT(conf_service, public_detail),
	.fallback = "false",
	.text = "Whether they see the addresses measured and the texts of errors, too"},
    {.name = "objective",
	.type = OPTION_GROUP,
	.group = objective,
	.text = "What the service should reach"},
    {.name = "checks",
	.type = OPTION_MAP,
	AT(conf_service, check_count),
	.group = schema_check,
	.size = sizeof(struct conf_check),
	.unit = "CHECK",
	.example = "portale",
	.text = "Its scheduled measurements"},
    OPTION_END,
};

static const struct option area[] = {
    {.name = "title",
	.type = OPTION_TEXT,
	AT(conf_area, title),
	.required = true,
	.example = "{it: Servizi demografici, en: Civil registry}",
	.text = "How pages call it"},
    OPTION_END,
};

static const struct option supplier[] = {
    {.name = "title",
	.type = OPTION_TEXT,
	AT(conf_supplier, title),
	.required = true,
	.example = "Nuvola Servizi S.r.l.",
	.text = "Its name"},
    {.name = "contact",
	.type = OPTION_STRING,
	AT(conf_supplier, contact),
	.max = 254,
	.example = "assistenza@nuvola.example",
	.text = "Where its help is asked for; administrators only"},
    OPTION_END,
};

static const struct option pages[] = {
    {.name = "accessibility",
	.type = OPTION_URL,
	AT(conf_site, pages.accessibility),
	.example = "https://form.agid.gov.it/view/example",
	.text = "The accessibility statement"},
    {.name = "privacy",
	.type = OPTION_URL,
	AT(conf_site, pages.privacy),
	.example = "https://www.example.it/privacy",
	.text = "The privacy notice"},
    {.name = "legal",
	.type = OPTION_URL,
	AT(conf_site, pages.legal),
	.example = "https://www.example.it/note-legali",
	.text = "The legal notes"},
    {.name = "report",
	.type = OPTION_URL,
	AT(conf_site, pages.report),
	.example = "https://www.example.it/segnalazioni",
	.text = "Where a citizen reports that something does not work"},
    OPTION_END,
};

const struct option schema_site[] = {
    {.name = "name",
	.type = OPTION_STRING,
	AT(conf_site, name),
	.required = true,
	.min = 1,
	.max = 200,
	.example = "Comune di Borgosereno",
	.text = "The administration that answers for the data"},
    {.name = "ipa",
	.type = OPTION_STRING,
	AT(conf_site, ipa),
	.min = 1,
	.max = 32,
	.example = "c_x000",
	.text = "Its code in the index of public administrations"},
    {.name = "istat",
	.type = OPTION_STRING,
	AT(conf_site, istat),
	.min = 6,
	.max = 6,
	.example = "\"000000\"",
	.text = "The municipality's ISTAT code, six digits"},
    {.name = "url",
	.type = OPTION_URL,
	AT(conf_site, url),
	.required = true,
	.example = "https://trasparenza.example.it",
	.text =
	    "Public address of the pages; its host chooses the site, and with a path "
	    "the pages live under that path"},
    {.name = "languages",
	.type = OPTION_STRINGS,
	AT(conf_site, languages),
	.required = true,
	.min = 1,
	.max = 2,
	.choices = languages,
	.example = "[it, en]",
	.text = "Languages of the pages, the first is the default"},
    {.name = "timezone",
	.type = OPTION_STRING,
	AT(conf_site, timezone),
	.required = true,
	.min = 1,
	.max = 64,
	.example = "Europe/Rome",
	.text = "Where a day begins, by its name in the time zone database"},
    {.name = "contact",
	.type = OPTION_STRING,
	AT(conf_site, contact),
	.max = 254,
	.example = "urp@example.it",
	.text = "Mail address that pages show"},
    {.name = "demo",
	.type = OPTION_BOOL,
	AT(conf_site, demo),
	.fallback = "false",
	.text =
	    "Whether every page says that its data is a demonstration; its JSON has "
	    "a member demo then, its CSV a column demo"},
    {.name = "pages",
	.type = OPTION_GROUP,
	.group = pages,
	.text = "Addresses that the footer links to, instead of pages of ours"},
    {.name = "areas",
	.type = OPTION_MAP,
	AT(conf_site, area_count),
	.group = area,
	.size = sizeof(struct conf_area),
	.unit = "AREA",
	.example = "demografica",
	.text = "Groups of services, in the order of the pages"},
    {.name = "suppliers",
	.type = OPTION_MAP,
	AT(conf_site, supplier_count),
	.group = supplier,
	.size = sizeof(struct conf_supplier),
	.unit = "SUPPLIER",
	.example = "fornitore",
	.text = "Who runs the services"},
    {.name = "services",
	.type = OPTION_MAP,
	AT(conf_site, service_count),
	.group = schema_service,
	.size = sizeof(struct conf_service),
	.unit = "SERVICE",
	.example = "anagrafe",
	.text = "What citizens and offices use"},
    OPTION_END,
};

static const struct option listen[] = {
    {.name = "public",
	.type = OPTION_STRINGS,
	AT(conf, listen.public),
	.fallback = "[127.0.0.1:8080]",
	.example = "[\"[::1]:8080\", unix:public.sock]",
	.text = "Where the pages for citizens are served: address:port, [v6]:port, "
		"unix:path"},
    {.name = "admin",
	.type = OPTION_STRINGS,
	AT(conf, listen.admin),
	.fallback = "[127.0.0.1:8081]",
	.text = "Where /metrics, /healthz and /readyz are served; loopback only"},
    {.name = "control",
	.type = OPTION_PATH,
	AT(conf, listen.control),
	.fallback = CONTROL_SOCKET,
	.text = "The Unix socket that vetrinactl asks"},
    OPTION_END,
};

static const struct option store[] = {
    {.name = "path",
	.type = OPTION_PATH,
	AT(conf, store.path),
	.fallback = "/var/lib/vetrina",
	.text = "The folder of everything that is kept"},
    {.name = "retention",
	.type = OPTION_RETENTION,
	AT(conf, store.retention),
	.fallback = "[1m:14d, 5m:90d, 1h:3y, 1d:10y]",
	.text = "How fine samples are kept for how long, step:time, the finest first; "
		"steps "
		"are rounded up to whole intervals of a check"},
    {.name = "flush",
	.type = OPTION_DURATION,
	AT(conf, store.flush_us),
	.fallback = "1h",
	.min = 10 * SECOND,
	.max = DAY,
	.text = "How long samples may wait in pending.log before they are in their "
		"database"},
    {.name = "pending_max",
	.type = OPTION_SIZE,
	AT(conf, store.pending_max),
	.fallback = "256M",
	.min = MIB,
	.max = 65536 * MIB,
	.text =
	    "The most that may wait there; samples beyond it are dropped and counted"},
    OPTION_END,
};

const struct option schema_top[] = {
    {.name = "listen",
	.type = OPTION_GROUP,
	.group = listen,
	.text = "Where the daemon answers"},
    {.name = "store",
	.type = OPTION_GROUP,
	.group = store,
	.text = "What it keeps, and how long"},
    {.name = "log",
	.type = OPTION_CHOICE,
	AT(conf, log_level),
	.fallback = "info",
	.choices = levels,
	.text = "The least important messages that are logged"},
    {.name = "include",
	.type = OPTION_STRINGS,
	AT(conf, include),
	.example = "[sites.d/*.yaml]",
	.text =
	    "More files, by shell pattern; each holds one key, sites, and includes no "
	    "further files"},
    {.name = "sites",
	.type = OPTION_MAP,
	AT(conf, site_count),
	.group = schema_site,
	.size = sizeof(struct conf_site),
	.unit = "SITE",
	.example = "borgosereno",
	.text = "The municipalities, each with its own pages, data and services"},
    OPTION_END,
};
