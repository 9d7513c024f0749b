using HvSdk.Testing;

namespace HvSdk.Backends.Kvm.Arm64;

public sealed class DebugTests
{
    /// <summary>Five instructions: a number, a sum, a store to memory, a breakpoint instruction, an end.</summary>
    private static void Guest(Arm64Assembler guest)
    {
        guest.Mov(1, 0x4000); // Ram
        guest.Word(0xD370_BC21); // lsl x1, x1, #16
        guest.Str(1, 1, 8, 0x2000);
        guest.Brk(1);
        Machine.PowerOff(guest);
    }

    [Fact]
    public void SoftwareBreakpoint_Reached_LeavesAtIt()
    {
        using Machine machine = new(Guest);
        using Vcpu vcpu = machine.CreateVcpu();
        vcpu.SetDebug(new VcpuDebugOptions { SoftwareBreakpoints = true });
        VcpuExit exit = vcpu.Next();
        Assert.Equal((DebugCause.SoftwareBreakpoint, Machine.Ram + 12), (exit.DebugCause, exit.Address));
        vcpu.Arm64.SetRegisters([Arm64Register.Pc], [Machine.Ram + 16]);
        Assert.Equal(VcpuExitKind.SystemEvent, vcpu.Next().Kind);
    }

    [Fact]
    public void SingleStep_EachInstruction_LeavesBehindIt()
    {
        using Machine machine = new(Guest);
        using Vcpu vcpu = machine.CreateVcpu();
        vcpu.SetDebug(new VcpuDebugOptions { SingleStep = true });
        for (ulong i = 1; i <= 3; i++)
        {
            VcpuExit exit = vcpu.Next();
            Assert.Equal((DebugCause.SingleStep, Machine.Ram + (4 * i)), (exit.DebugCause, exit.Address));
        }
    }

    /// <summary>A store that the kernel takes apart and a pair that it does not: each is one step.</summary>
    [Fact]
    public void SingleStep_OverDeviceAccesses_LeavesBehindEach()
    {
        using Machine machine = new(static guest =>
        {
            guest.Str(2, 1, 8);
            guest.Stp(2, 2, 1);
            guest.Nop();
        });
        using Vcpu vcpu = machine.CreateVcpu();
        vcpu.Arm64.SetRegisters([Arm64Register.X1], [Machine.Device]);
        vcpu.SetDebug(new VcpuDebugOptions { SingleStep = true });
        for (ulong i = 1; i <= 3; i++)
        {
            VcpuExit exit = vcpu.Next();
            Assert.Equal((DebugCause.SingleStep, Machine.Ram + (4 * i)), (exit.DebugCause, exit.Address));
        }

        Assert.Equal(3, machine.Log.Accesses.Length);
    }

    [Fact]
    public void HardwareBreakpoint_Execute_LeavesBeforeAndGoesOn()
    {
        using Machine machine = new(Guest);
        using Vcpu vcpu = machine.CreateVcpu();
        vcpu.SetDebug(new VcpuDebugOptions { HardwareBreakpoints = [new(Machine.Ram + 4), new(Machine.Ram + 8)] });
        VcpuExit exit = vcpu.Next();
        Assert.Equal((DebugCause.HardwareBreakpoint, Machine.Ram + 4, 0), (exit.DebugCause, exit.Address, exit.BreakpointIndex));
        Assert.Equal(0x4000UL, vcpu.Arm64.GetRegisters()[1]);
        exit = vcpu.Next();
        Assert.Equal((DebugCause.HardwareBreakpoint, Machine.Ram + 8, 1), (exit.DebugCause, exit.Address, exit.BreakpointIndex));
    }

    [Fact]
    public void HardwareBreakpoint_Write_LeavesBehindTheStore()
    {
        using Machine machine = new(Guest);
        using Vcpu vcpu = machine.CreateVcpu();
        vcpu.SetDebug(new VcpuDebugOptions { HardwareBreakpoints = [new(Machine.Ram + 0x2000, HardwareBreakpointKind.Write, 8)] });
        VcpuExit exit = vcpu.Next();
        Assert.Equal((DebugCause.HardwareBreakpoint, Machine.Ram + 8, 0), (exit.DebugCause, exit.Address, exit.BreakpointIndex));
        Assert.Equal(Machine.Ram, machine.Partition.Memory.Read<ulong>(Machine.Ram + 0x2000));
        Assert.Equal(Machine.Ram + 12, vcpu.Arm64.GetRegisters().Pc);
    }
}
