using HvSdk.Live;
using HvSdk.Testing;
using static Iced.Intel.AssemblerRegisters;

namespace HvSdk.Conformance.Tests;

/// <summary>Instructions that an emulating host may lack: executed, or else returned as a value with their bytes.</summary>
[X64Only("The instructions are x86's; Arm64AccessTests has those that its hosts do not complete.")]
public sealed class EmulationFailureTests
{
    [Fact]
    public void CmpXchg16B_AtCpl0_Executes() => Divergences.Check("cmpxchg16b-at-cpl0", static () =>
    {
        // Compares 16 bytes of zeros with RDX:RAX = 0, and so puts RCX:RBX = 2:1 there.
        using var machine = new TestMachine(GuestProgram.LongMode(a =>
        {
            a.mov(edi, 0x2_0000);
            a.mov(ebx, 1);
            a.mov(ecx, 2);
            a.cmpxchg16b(__[rdi]);
            a.hlt();
        }));

        machine.Run(VcpuExitKind.Halt);

        Assert.Equal(1UL, machine.Memory.Read<ulong>(0x2_0000));
        Assert.Equal(2UL, machine.Memory.Read<ulong>(0x2_0008));
    });

    [Fact]
    public void Fetch_FromDevice_IsEmulationFailureAndVcpuStaysUsable()
    {
        // Jumps to a place without memory.
        using var machine = new TestMachine(GuestProgram.LongMode(a =>
        {
            a.mov(eax, (uint)TestMachine.DeviceAddress);
            a.jmp(rax);
        }));

        machine.Run(VcpuExitKind.EmulationFailure);
        Assert.Equal(TestMachine.DeviceAddress, machine.Registers.Rip);

        GuestProgram second = GuestProgram.LongMode(static a => a.hlt());
        second.LoadInto(machine.Memory);
        second.Start(machine.Vcpu);
        machine.Run(VcpuExitKind.Halt);
    }
}
