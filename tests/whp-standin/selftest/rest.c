#include "selftest.h"
void test_injection(void){}
void test_apic(void){}
void test_msrs(void){}
void test_state(void){}
void test_debug(void){}
