using HvSdk.Testing;
using Xunit;

namespace HvSdk.Tests.Testing;

/// <summary>Expected values were put together by hand from the "IDT Gate Descriptors" figures of Intel SDM vol. 3A.</summary>
public sealed class IdtBuilderTests
{
    [Fact]
    public void SetGate_Real_WritesOffsetThenSegment()
    {
        byte[] table = new IdtBuilder(GuestMode.Real).SetGate(0x21, 0xF000, 0x1234).Build();
        Assert.Equal(1024, table.Length);
        Assert.Equal([0x34, 0x12, 0x00, 0xF0], table[0x84..0x88]);
        Assert.Equal(3, table.Count(static b => b != 0));
    }

    [Fact]
    public void SetGate_Protected_WritesAGateOf8Bytes()
    {
        byte[] table = new IdtBuilder(GuestMode.Protected)
            .SetGate(3, 0x08, 0x1234_5678, IdtGateKind.Trap, privilegeLevel: 3)
            .SetGate(255, 0x08, 0x9ABC_DEF0)
            .Build();
        Assert.Equal(2048, table.Length);
        Assert.Equal([0x78, 0x56, 0x08, 0x00, 0x00, 0xEF, 0x34, 0x12], table[24..32]);
        Assert.Equal([0xF0, 0xDE, 0x08, 0x00, 0x00, 0x8E, 0xBC, 0x9A], table[^8..]);
        Assert.Equal(new byte[8], table[..8]);
    }

    [Fact]
    public void SetGate_Long_WritesAGateOf16Bytes()
    {
        byte[] table = new IdtBuilder(GuestMode.Long).SetGate(1, 0x08, 0x0000_7FFF_1234_5678, privilegeLevel: 3, interruptStack: 2).Build();
        Assert.Equal(4096, table.Length);
        Assert.Equal([0x78, 0x56, 0x08, 0x00, 0x02, 0xEE, 0x34, 0x12, 0xFF, 0x7F, 0, 0, 0, 0, 0, 0], table[16..32]);
    }

    [Fact]
    public void SetGate_WhatTheModeLacks_IsRefused()
    {
        Assert.Throws<ArgumentOutOfRangeException>(() => new IdtBuilder(GuestMode.Real).SetGate(0, 0, 0x1_0000));
        Assert.Throws<ArgumentException>(() => new IdtBuilder(GuestMode.Real).SetGate(0, 0, 0, IdtGateKind.Trap));
        Assert.Throws<ArgumentOutOfRangeException>(() => new IdtBuilder(GuestMode.Protected).SetGate(0, 8, 1UL << 32));
        Assert.Throws<ArgumentOutOfRangeException>(() => new IdtBuilder(GuestMode.Protected).SetGate(0, 8, 0, interruptStack: 1));
        Assert.Throws<ArgumentOutOfRangeException>(() => new IdtBuilder(GuestMode.Long).SetGate(0, 8, 0, interruptStack: 8));
        Assert.Throws<ArgumentOutOfRangeException>(() => new IdtBuilder(GuestMode.Long).SetGate(0, 8, 0, privilegeLevel: 4));
        Assert.Throws<ArgumentOutOfRangeException>(() => new IdtBuilder((GuestMode)8));
    }
}
