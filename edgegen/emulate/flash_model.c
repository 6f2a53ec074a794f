/* Follows a running core's reads of flash through models of its caches; the hooks of wait_states.py.
 *
 * Several models watch the same run. Each keeps the stall cycles that its flash would have added to
 * the instruction fetches and data reads between the runner's markers; docs/cycle-model.md has the
 * rules. A unit is what one read of the flash returns; caches hold units, and units are numbers:
 * addresses divided by the unit's bytes.
 *
 * What a block of code is made of is left to Python, which is asked once for each block.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* How a block is fetched: mirrored by wait_states.py. */
enum { FREE = 0, FLASH = 1, SYSTEM_BUS = 2 };

#define NONE 0xFFFFFFFFu
#define ALL 0xFFFFFFFFu

/* Mirrored by wait_states.py. `lines` is 0 for a cache that keeps nothing, ALL for one that always
 * hits. */
typedef struct {
    uint32_t wait_states;
    uint32_t unit_bytes;
    uint32_t prefetch; /* The next unit is read while this one is executed. */
    uint32_t cold;     /* Caches are empty at the start of each inference. */
    uint32_t buffered; /* The core's fetch buffer hides what it can of the system bus. */
    uint32_t unified;  /* Data go through the code cache too. */
    uint32_t code_lines, code_ways;
    uint32_t data_lines, data_ways;
} config_t;

/* Sets of lines in order of use, the latest first. */
typedef struct {
    uint32_t lines, ways;
    uint32_t *units;
} cache_t;

typedef struct {
    config_t config;
    cache_t code, data;
    uint32_t current; /* The unit under execution, or NONE. */
    uint64_t spent;   /* Cycles spent in it. */
    uint64_t ahead;   /* Cycles by which fetches over the system bus are ahead of execution. */
    uint64_t stalls;
} model_t;

/* Mirrored by wait_states.py: what Python says of a block. */
typedef struct {
    uint32_t kind;
    uint32_t count; /* Units that it touches; words for SYSTEM_BUS. */
} fetch_t;

/* Fills `cycles` with the cycles spent in each unit; there is room for one a byte of code. */
typedef void (*describe_fn)(uint32_t address, uint32_t size, fetch_t *fetch, uint32_t *cycles);

typedef struct {
    uint32_t address, size;
    fetch_t fetch;
    uint32_t *cycles;
} code_t;

typedef struct {
    model_t *models;
    uint32_t model_count;
    uint32_t unit_bytes; /* The same in all models. */
    uint32_t taken_cycles;
    uint32_t start, stop; /* Addresses of the markers. */
    int active;
    uint32_t end; /* Where the block before ended. */
    describe_fn describe;
    code_t *codes;
    uint32_t count, room;
    uint32_t *slots;
    uint32_t slot_count;
    int out_of_memory;
} watch_t;

static int cache_init(cache_t *c, uint32_t lines, uint32_t ways)
{
    c->lines = lines;
    c->ways = ways;
    c->units = NULL;
    if (lines == 0u || lines == ALL) {
        return 1;
    }
    c->units = malloc((size_t)lines * sizeof *c->units);
    return c->units != NULL;
}

static void cache_clear(cache_t *c)
{
    if (c->units != NULL) {
        memset(c->units, 0xFF, (size_t)c->lines * sizeof *c->units);
    }
}

/* Reads a unit: whether it was there. Afterwards it is the latest of its set. */
static int cache_read(cache_t *c, uint32_t unit)
{
    if (c->units == NULL) {
        return c->lines == ALL;
    }
    uint32_t *set = c->units + (size_t)(unit % (c->lines / c->ways)) * c->ways;
    uint32_t at = 0;
    while (at + 1u < c->ways && set[at] != unit) {
        ++at;
    }
    const int hit = set[at] == unit;
    memmove(set + 1, set, (size_t)at * sizeof *set);
    set[0] = unit;
    return hit;
}

/* The core goes on in `unit`. */
static void enter(model_t *m, uint32_t unit)
{
    if (unit == m->current) {
        return;
    }
    const int next = m->current != NONE && unit == m->current + 1u;
    if (!cache_read(&m->code, unit)) {
        uint64_t stall = m->config.wait_states;
        if (m->config.prefetch && next) {
            /* The read took wait_states + 1 cycles from when the unit before was entered. */
            const uint64_t left = stall + 1u > m->spent ? stall + 1u - m->spent : 0u;
            stall = left < stall ? left : stall;
        }
        m->stalls += stall;
    }
    m->current = unit;
    m->spent = 0;
}

/* A word of code over the system bus takes two cycles, and the core executes it in `cycles`. What
 * execution takes longer lets the core's buffer of three words run full. */
static void enter_word(model_t *m, uint32_t cycles)
{
    if (!m->config.buffered) {
        m->stalls += 1u;
        return;
    }
    const uint64_t time = m->ahead + cycles;
    m->stalls += time < 2u ? 2u - time : 0u;
    m->ahead = time < 2u ? 0u : (time - 2u < 4u ? time - 2u : 4u);
}

static void run_block(watch_t *w, const code_t *code, int taken)
{
    for (uint32_t i = 0; i < w->model_count; ++i) {
        model_t *m = &w->models[i];
        m->spent += taken ? w->taken_cycles : 0u;
        if (taken) {
            m->ahead = 0;
        }
        for (uint32_t k = 0; k < code->fetch.count; ++k) {
            if (code->fetch.kind == FLASH) {
                enter(m, code->address / w->unit_bytes + k);
            } else if (code->fetch.kind == SYSTEM_BUS) {
                enter_word(m, code->cycles[k]);
            }
            m->spent += code->cycles[k];
        }
    }
}

static uint32_t hash(uint32_t address, uint32_t size)
{
    const uint32_t h = address * 2654435761u ^ size * 40503u;
    return h ^ (h >> 15);
}

static void place(watch_t *w, uint32_t index)
{
    uint32_t slot = hash(w->codes[index].address, w->codes[index].size) & (w->slot_count - 1u);
    while (w->slots[slot] != NONE) {
        slot = (slot + 1u) & (w->slot_count - 1u);
    }
    w->slots[slot] = index;
}

static int grow(watch_t *w)
{
    const uint32_t room = w->room ? w->room * 2u : 256u;
    code_t *codes = realloc(w->codes, (size_t)room * sizeof *codes);
    if (codes == NULL) {
        return 0;
    }
    w->codes = codes;
    uint32_t *slots = realloc(w->slots, (size_t)room * 4u * sizeof *slots);
    if (slots == NULL) {
        return 0;
    }
    w->slots = slots;
    w->room = room;
    w->slot_count = room * 4u;
    memset(slots, 0xFF, (size_t)w->slot_count * sizeof *slots);
    for (uint32_t i = 0; i < w->count; ++i) {
        place(w, i);
    }
    return 1;
}

/* The block, described now if it runs for the first time; NULL without memory. */
static const code_t *find(watch_t *w, uint32_t address, uint32_t size)
{
    if (w->slot_count != 0u) {
        uint32_t slot = hash(address, size) & (w->slot_count - 1u);
        for (; w->slots[slot] != NONE; slot = (slot + 1u) & (w->slot_count - 1u)) {
            const code_t *code = &w->codes[w->slots[slot]];
            if (code->address == address && code->size == size) {
                return code;
            }
        }
    }
    if (w->count == w->room && !grow(w)) {
        return NULL;
    }
    code_t *code = &w->codes[w->count];
    *code = (code_t){.address = address, .size = size};
    code->cycles = calloc(size, sizeof *code->cycles);
    if (code->cycles == NULL) {
        return NULL;
    }
    w->describe(address, size, &code->fetch, code->cycles);
    place(w, w->count++);
    return code;
}

static void start(watch_t *w)
{
    w->active = 1;
    w->end = NONE;
    for (uint32_t i = 0; i < w->model_count; ++i) {
        model_t *m = &w->models[i];
        m->current = NONE;
        m->ahead = 0;
        if (m->config.cold) {
            cache_clear(&m->code);
            cache_clear(&m->data);
        }
    }
}

/* Unicorn calls this at the start of every block. */
void watch_block(void *engine, uint64_t address64, uint32_t size, void *data)
{
    (void)engine;
    watch_t *w = data;
    const uint32_t address = (uint32_t)address64;
    if (address == w->start) {
        start(w);
        return;
    }
    if (address == w->stop) {
        w->active = 0;
    }
    if (!w->active) {
        return;
    }
    const code_t *code = find(w, address, size);
    if (code == NULL) {
        w->out_of_memory = 1;
        return;
    }
    run_block(w, code, w->end != NONE && w->end != address);
    w->end = address + size;
}

/* Unicorn calls this at every data read from flash. */
void watch_read(void *engine, int type, uint64_t address64, int size, int64_t value, void *data)
{
    (void)engine;
    (void)type;
    (void)value;
    watch_t *w = data;
    if (!w->active) {
        return;
    }
    const uint32_t first = (uint32_t)address64 / w->unit_bytes;
    const uint32_t last = (uint32_t)(address64 + (uint64_t)size - 1u) / w->unit_bytes;
    for (uint32_t i = 0; i < w->model_count; ++i) {
        model_t *m = &w->models[i];
        for (uint32_t unit = first; unit <= last; ++unit) {
            if (!cache_read(m->config.unified ? &m->code : &m->data, unit)) {
                m->stalls += m->config.wait_states;
            }
        }
    }
}

void watch_free(watch_t *w)
{
    for (uint32_t i = 0; w->models != NULL && i < w->model_count; ++i) {
        free(w->models[i].code.units);
        free(w->models[i].data.units);
    }
    for (uint32_t i = 0; i < w->count; ++i) {
        free(w->codes[i].cycles);
    }
    free(w->models);
    free(w->codes);
    free(w->slots);
    free(w);
}

watch_t *watch_new(const config_t *configs, uint32_t count, uint32_t start_mark, uint32_t stop_mark,
                   uint32_t taken_cycles, describe_fn describe)
{
    watch_t *w = calloc(1, sizeof *w);
    if (w == NULL) {
        return NULL;
    }
    w->models = calloc(count, sizeof *w->models);
    int complete = w->models != NULL;
    w->model_count = complete ? count : 0u;
    for (uint32_t i = 0; i < w->model_count; ++i) {
        model_t *m = &w->models[i];
        m->config = configs[i];
        complete &= cache_init(&m->code, configs[i].code_lines, configs[i].code_ways);
        complete &= cache_init(&m->data, configs[i].data_lines, configs[i].data_ways);
        cache_clear(&m->code);
        cache_clear(&m->data);
        m->current = NONE;
    }
    w->unit_bytes = configs[0].unit_bytes;
    w->start = start_mark;
    w->stop = stop_mark;
    w->taken_cycles = taken_cycles;
    w->describe = describe;
    if (!complete) {
        watch_free(w);
        return NULL;
    }
    return w;
}

/* The stall cycles of a model; without memory, all bits set. */
uint64_t watch_stalls(const watch_t *w, uint32_t model)
{
    return w->out_of_memory ? ~(uint64_t)0 : w->models[model].stalls;
}
