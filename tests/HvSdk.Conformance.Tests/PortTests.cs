using HvSdk.Live;
using HvSdk.Testing;
using static Iced.Intel.AssemblerRegisters;

namespace HvSdk.Conformance.Tests;

public sealed class PortTests
{
    [Fact]
    public void PortWrite_OneByte_LeavesWithPortAndValue()
    {
        // Writes 0x5A to port 0x80.
        using var machine = new TestMachine(GuestProgram.RealMode(a =>
        {
            a.mov(al, 0x5A);
            a.@out(0x80, al);
        }));

        VcpuExit exit = machine.RunOnce(VcpuExitKind.PortWrite);

        Assert.Equal(0x80, exit.Port);
        Assert.Equal([0x5A], exit.Data.ToArray());
    }
}
