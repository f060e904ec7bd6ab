#include "tests/diff/shrink.h"

#include "tests/diff/random_state.h"

namespace twin86::diff {

namespace {

bool differs(Session& session, const Case& c) {
    const Verdict v = session.judge(c);
    return v.comparable && !v.differences.empty();
}

/// Keeps the change that `edit` makes when the case still differs.
template <class Edit>
bool attempt(Session& session, Case& c, Edit edit) {
    Case trial = c;
    edit(trial);
    if (!differs(session, trial)) return false;
    c = trial;
    return true;
}

void drop_items(Session& session, Case& c) {
    for (bool again = true; again;) {
        again = false;
        for (std::size_t n = c.program.items.size(); n-- > 0 && c.program.items.size() > 1;)
            again |= attempt(session, c, [n](Case& t) { t.program.remove(n); });
    }
}

}  // namespace

Case shrink(Session& session, Case c) {
    drop_items(session, c);
    attempt(session, c, [](Case& t) { plain_vector_state(t.in); });
    attempt(session, c, [](Case& t) { t.in.rflags = 0; });
    attempt(session, c, [](Case& t) { t.in.fs_base = t.in.gs_base = 0; });
    attempt(session, c, [](Case& t) { t.code_offset = 0x100; });
    attempt(session, c, [](Case& t) { t.data_seed = 0; });
    for (unsigned i = 0; i < 16; ++i)
        for (const u64 value : {u64{0}, u64{1}, c.in.gpr[i] & 0xff, c.in.gpr[i] & 0xffff, c.in.gpr[i] & 0xffffffff})
            if (value != c.in.gpr[i] && attempt(session, c, [=](Case& t) { t.in.gpr[i] = value; })) break;
    return c;
}

}  // namespace twin86::diff
