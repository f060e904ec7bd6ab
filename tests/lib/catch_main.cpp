// The translator's fault handlers belong to the process: Catch must not replace them in each test.
#define CATCH_CONFIG_NO_POSIX_SIGNALS
#define CATCH_CONFIG_MAIN
#include <catch2/catch.hpp>
