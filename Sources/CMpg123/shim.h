// The functions that take enumerations, under their own names: without this they are macros, which Swift cannot see.
#define MPG123_ENUM_API
#include <mpg123.h>
