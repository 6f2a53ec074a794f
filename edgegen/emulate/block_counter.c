/* Counts the basic blocks that an emulated core executes; the hook of blocks.py in C.
 *
 * Unicorn calls on_block() at the start of every block. Per (block, region) it counts executions
 * and how often the block was left by a taken branch: that is when the next block does not start
 * where this one ends. Pricing the blocks is left to Python, which sees each one once.
 *
 * The functions of Unicorn's library come as pointers, so that nothing is linked against it.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

typedef int (*read_memory_fn)(void *engine, uint64_t address, void *bytes, size_t size);
typedef int (*read_register_fn)(void *engine, int reg, void *value);
typedef int (*stop_fn)(void *engine);

/* Mirrored by blocks.py. */
typedef struct {
    uint32_t address;
    uint32_t size;
    uint32_t region;
    uint32_t instructions;
    uint64_t executed;
    uint64_t taken;
    int32_t mark;
    int32_t unused;
} block_t;

typedef struct {
    uint32_t address;
    int32_t mark;
} mark_t;

enum { MARK_NONE = -3, MARK_START = -2, MARK_STOP = -1 };
#define OUTSIDE 0xFFFFFFFFu
#define NOT_FOUND 0xFFFFFFFFu

typedef struct {
    block_t *blocks;
    uint32_t count, room;
    uint32_t *slots; /* Index into blocks, or NOT_FOUND; a power of two of them. */
    uint32_t slot_count;
    mark_t *marks;
    uint32_t mark_count;
    uint32_t layer_count;
    uint32_t region, first_region; /* The current region; the one of the current model. */
    uint32_t previous;             /* Index of the block before, or NOT_FOUND. */
    uint64_t instructions, limit;
    int limit_hit, out_of_memory;
    int model_register;
    read_memory_fn read_memory;
    read_register_fn read_register;
    stop_fn stop;
} counter_t;

static uint32_t hash(uint32_t address, uint32_t size, uint32_t region)
{
    uint32_t h = address * 2654435761u ^ size * 40503u ^ region * 2246822519u;
    return h ^ (h >> 15);
}

static void place(counter_t *c, uint32_t index)
{
    const block_t *b = &c->blocks[index];
    uint32_t slot = hash(b->address, b->size, b->region) & (c->slot_count - 1u);
    while (c->slots[slot] != NOT_FOUND) {
        slot = (slot + 1u) & (c->slot_count - 1u);
    }
    c->slots[slot] = index;
}

static int grow(counter_t *c)
{
    const uint32_t room = c->room ? c->room * 2u : 1024u;
    block_t *blocks = realloc(c->blocks, (size_t)room * sizeof *blocks);
    if (blocks == NULL) {
        return 0;
    }
    c->blocks = blocks;
    uint32_t *slots = realloc(c->slots, (size_t)room * 4u * sizeof *slots);
    if (slots == NULL) {
        return 0;
    }
    c->slots = slots;
    c->room = room;
    c->slot_count = room * 4u;
    memset(slots, 0xFF, (size_t)c->slot_count * sizeof *slots);
    for (uint32_t i = 0; i < c->count; ++i) {
        place(c, i);
    }
    return 1;
}

/* A Thumb instruction has 4 bytes if its first half starts 11101, 11110 or 11111. */
static uint32_t count_instructions(counter_t *c, void *engine, uint32_t address, uint32_t size)
{
    uint8_t *code = malloc(size ? size : 1u);
    uint32_t count = 0;
    if (code != NULL && c->read_memory(engine, address, code, size) == 0) {
        for (uint32_t at = 0; at + 1u < size; ++count) {
            at += (code[at + 1u] >> 3) >= 0x1Du ? 4u : 2u;
        }
    }
    free(code);
    return count;
}

static uint32_t find(counter_t *c, void *engine, uint32_t address, uint32_t size)
{
    if (c->slot_count != 0u) {
        uint32_t slot = hash(address, size, c->region) & (c->slot_count - 1u);
        for (; c->slots[slot] != NOT_FOUND; slot = (slot + 1u) & (c->slot_count - 1u)) {
            const block_t *b = &c->blocks[c->slots[slot]];
            if (b->address == address && b->size == size && b->region == c->region) {
                return c->slots[slot];
            }
        }
    }
    if (c->count == c->room && !grow(c)) {
        c->out_of_memory = 1;
        c->stop(engine);
        return NOT_FOUND;
    }
    block_t *b = &c->blocks[c->count];
    *b = (block_t){.address = address, .size = size, .region = c->region, .mark = MARK_NONE};
    b->instructions = count_instructions(c, engine, address, size);
    for (uint32_t i = 0; i < c->mark_count; ++i) {
        if (c->marks[i].address == address) {
            b->mark = c->marks[i].mark;
        }
    }
    place(c, c->count);
    return c->count++;
}

void on_block(void *engine, uint64_t address64, uint32_t size, void *data)
{
    counter_t *c = data;
    const uint32_t address = (uint32_t)address64;
    if (c->previous != NOT_FOUND) {
        block_t *p = &c->blocks[c->previous];
        p->taken += p->address + p->size != address;
    }
    if (c->instructions >= c->limit) {
        c->limit_hit = 1;
        c->previous = NOT_FOUND;
        c->stop(engine);
        return;
    }
    uint32_t index = find(c, engine, address, size);
    if (index == NOT_FOUND) {
        return;
    }
    int32_t mark = c->blocks[index].mark;
    if (mark == MARK_STOP && c->region != OUTSIDE) {
        c->region = OUTSIDE;
        index = find(c, engine, address, size);
    } else if (mark >= 0 && c->region != OUTSIDE) {
        c->region = c->first_region + 1u + (uint32_t)mark;
        index = find(c, engine, address, size);
    }
    if (index == NOT_FOUND) {
        return;
    }
    block_t *b = &c->blocks[index];
    b->executed += 1u;
    c->instructions += b->instructions;
    c->previous = index;
    if (mark == MARK_START) {
        uint32_t model = 0;
        (void)c->read_register(engine, c->model_register, &model);
        c->first_region = model * (c->layer_count + 1u);
        c->region = c->first_region;
        c->previous = NOT_FOUND;
    }
}

counter_t *counter_new(const mark_t *marks, uint32_t mark_count, uint32_t layer_count,
                       uint64_t limit, int model_register, read_memory_fn read_memory,
                       read_register_fn read_register, stop_fn stop)
{
    counter_t *c = calloc(1, sizeof *c);
    if (c == NULL) {
        return NULL;
    }
    c->marks = calloc(mark_count ? mark_count : 1u, sizeof *c->marks);
    if (c->marks == NULL) {
        free(c);
        return NULL;
    }
    memcpy(c->marks, marks, mark_count * sizeof *marks);
    c->mark_count = mark_count;
    c->layer_count = layer_count;
    c->limit = limit;
    c->model_register = model_register;
    c->read_memory = read_memory;
    c->read_register = read_register;
    c->stop = stop;
    c->region = OUTSIDE;
    c->previous = NOT_FOUND;
    return c;
}

/* Counting goes on to another limit. */
void counter_limit(counter_t *c, uint64_t limit)
{
    c->limit = limit;
    c->limit_hit = 0;
}

const block_t *counter_blocks(const counter_t *c, uint32_t *count)
{
    *count = c->count;
    return c->blocks;
}

int counter_state(const counter_t *c, uint64_t *instructions)
{
    *instructions = c->instructions;
    return c->out_of_memory ? 2 : c->limit_hit;
}

void counter_free(counter_t *c)
{
    free(c->blocks);
    free(c->slots);
    free(c->marks);
    free(c);
}
