using System.Runtime.InteropServices;
using HvSdk.Backends.Kvm.Interop;
using HvSdk.Backends.Kvm.Interop.Arm64;
using HvSdk.Live;

namespace HvSdk.Backends.Kvm.Tests.Arm64;

/// <summary>What becomes of each way in which a run ends.</summary>
public sealed unsafe class ExitTests
{
    private const ulong Device = 0x900_0000;

    private static VcpuExit Run(FakeTest test, Vcpu vcpu, params Func<FakeVcpu, int>[] script)
    {
        foreach (Func<FakeVcpu, int> step in script)
        {
            test.Kvm.Script.Enqueue(step);
        }

        return FakeTest.Next(vcpu);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(4)]
    [InlineData(8)]
    public void Mmio_EachSize_IsAnsweredInPlace(int size)
    {
        using FakeTest test = new();
        using Vcpu vcpu = test.Partition.CreateVcpu(0);
        VcpuExit write = Run(test, vcpu, vcpu => vcpu.Mmio(isWrite: true, Device, size, 0x8877_6655_4433_2211));
        Assert.Equal((VcpuExitKind.MmioWrite, Device, size), (write.Kind, write.Address, write.Data.Length));
        Assert.Equal(BitConverter.GetBytes(0x8877_6655_4433_2211)[..size], write.Data.ToArray());
        VcpuExit read = Run(test, vcpu, vcpu => vcpu.Mmio(isWrite: false, Device + 8, size));
        Assert.Equal((VcpuExitKind.MmioRead, size), (read.Kind, read.Data.Length));
        read.SetValue(0x11);
        vcpu.Cancel();
        Assert.Equal(VcpuExitKind.Canceled, FakeTest.Next(vcpu).Kind);
        Assert.Equal([0x11UL], test.Vcpu().Answers);
    }

    /// <summary>The kernel completes its access whatever happens; who has moved the vCPU sees none of it.</summary>
    [Fact]
    public void Mmio_VcpuIsMoved_TheInstructionIsGivenUp()
    {
        using FakeTest test = new();
        using Vcpu vcpu = test.Partition.CreateVcpu(0);
        test.Vcpu()[KvmArm64RegisterIds.General(5)] = 0x55;
        Run(test, vcpu, static vcpu => vcpu.Mmio(isWrite: false, Device, 8, 0x99)).SetValue(0x11);
        vcpu.Arm64.SetRegisters([Arm64Register.Pc], [0x4000_1000]);
        Assert.Single(test.Vcpu().Answers);
        Assert.Equal((0x55UL, 0x4000_1000UL), (vcpu.Arm64.GetRegisters()[5], vcpu.Arm64.GetRegisters().Pc));

        // Set where it is, it is not moved: the next entry completes the load.
        Run(test, vcpu, static vcpu => vcpu.Mmio(isWrite: false, Device, 8)).SetValue(0x22);
        Arm64Registers registers = vcpu.Arm64.GetRegisters();
        registers[6] = 0x66;
        vcpu.Arm64.SetRegisters(registers);
        vcpu.Cancel();
        FakeTest.Next(vcpu);
        registers = vcpu.Arm64.GetRegisters();
        Assert.Equal((0x22UL, 0x66UL, 0x4000_1004UL), (registers[5], registers[6], registers.Pc));
    }

    /// <summary>Instructions that no syndrome describes: stp, ldp, ldr q, str q, post- and pre-indexed. Registers and program counter are written when the last part is answered.</summary>
    [Fact]
    public void AccessWithoutSyndrome_PairsSimdAndWriteBack_AreDoneFromTheInstruction()
    {
        using FakeTest test = new();
        using Vcpu vcpu = test.Partition.CreateVcpu(0);
        FakeVcpu fake = test.Vcpu();
        fake[KvmArm64RegisterIds.General(1)] = Device;
        fake[KvmArm64RegisterIds.General(2)] = 0x11;
        fake[KvmArm64RegisterIds.General(3)] = 0x22;
        fake[KvmArm64RegisterIds.Pc] = FakeTest.Ram;
        test.Partition.Memory.Write(FakeTest.Ram, 0xA901_0C22U); // stp x2, x3, [x1, #16]
        test.Partition.Memory.Write(FakeTest.Ram + 4, 0x3DC0_0021U); // ldr q1, [x1]
        test.Partition.Memory.Write(FakeTest.Ram + 8, 0xF840_8426U); // ldr x6, [x1], #8

        VcpuExit exit = Run(test, vcpu, NoSyndrome(Device + 16, isWrite: true));
        Assert.Equal((VcpuExitKind.MmioWrite, Device + 16, 0x11UL), (exit.Kind, exit.Address, exit.Value));
        exit = FakeTest.Next(vcpu);
        Assert.Equal((VcpuExitKind.MmioWrite, Device + 24, 0x22UL), (exit.Kind, exit.Address, exit.Value));

        exit = Run(test, vcpu, NoSyndrome(Device, isWrite: false));
        Assert.Equal((VcpuExitKind.MmioRead, Device, FakeTest.Ram + 4), (exit.Kind, exit.Address, fake[KvmArm64RegisterIds.Pc]));
        exit.SetValue(0x1111);
        exit = FakeTest.Next(vcpu);
        Assert.Equal(Device + 8, exit.Address);
        exit.SetValue(0x2222);

        exit = Run(test, vcpu, NoSyndrome(Device, isWrite: false));
        Assert.Equal(new UInt128(0x2222, 0x1111), fake.Registers[KvmArm64RegisterIds.Simd(1)]);
        exit.SetValue(0x3333);
        vcpu.Cancel();
        Assert.Equal(VcpuExitKind.Canceled, FakeTest.Next(vcpu).Kind);
        Assert.Equal((0x3333UL, Device + 8, FakeTest.Ram + 12), (fake[KvmArm64RegisterIds.General(6)], fake[KvmArm64RegisterIds.General(1)], fake[KvmArm64RegisterIds.Pc]));
    }

    [Fact]
    public void AccessWithoutSyndrome_StackAsBase_MovesTheOneOfTheLevel()
    {
        using FakeTest test = new();
        using Vcpu vcpu = test.Partition.CreateVcpu(0);
        FakeVcpu fake = test.Vcpu();
        fake[KvmArm64RegisterIds.Pc] = FakeTest.Ram;
        fake[KvmArm64RegisterIds.Pstate] = Arm64Pstate.El1h;
        fake[KvmArm64RegisterIds.Of(Arm64SystemRegister.SpEl1)] = Device;
        test.Partition.Memory.Write(FakeTest.Ram, 0xF81F_0FE2U); // str x2, [sp, #-16]!
        Run(test, vcpu, NoSyndrome(Device - 16, isWrite: true));
        vcpu.Cancel();
        FakeTest.Next(vcpu);
        Assert.Equal((Device - 16, 0UL), (fake[KvmArm64RegisterIds.Of(Arm64SystemRegister.SpEl1)], fake[KvmArm64RegisterIds.Of(Arm64SystemRegister.SpEl0)]));
    }

    /// <summary>An exclusive load; a store where the syndrome tells a load; an instruction where no memory is: values, and the guest stays where it is.</summary>
    [Theory]
    [InlineData(0xC85F_7C22U, FakeTest.Ram, 4)]
    [InlineData(0xF900_0022U, FakeTest.Ram, 4)]
    [InlineData(0U, 0x1000UL, 0)]
    public void AccessWithoutSyndrome_ThatNobodyCanDo_IsAValue(uint instruction, ulong pc, int bytes)
    {
        using FakeTest test = new();
        using Vcpu vcpu = test.Partition.CreateVcpu(0);
        test.Partition.Memory.Write(FakeTest.Ram, instruction);
        test.Vcpu()[KvmArm64RegisterIds.Pc] = pc;
        VcpuExit exit = Run(test, vcpu, NoSyndrome(Device, isWrite: false));
        Assert.Equal((VcpuExitKind.EmulationFailure, bytes), (exit.Kind, exit.InstructionBytes.Length));
        Assert.Equal(pc, test.Vcpu()[KvmArm64RegisterIds.Pc]);
    }

    [Fact]
    public void Hypercall_LetGo_CarriesRegistersAndResult()
    {
        using FakeTest test = new(static options => options.ExitOnHypercall = true);
        using Vcpu vcpu = test.Partition.CreateVcpu(0);
        for (int i = 0; i < 8; i++)
        {
            test.Vcpu()[KvmArm64RegisterIds.General(i)] = 0xC300_0000 + (ulong)i;
        }

        VcpuExit exit = Run(test, vcpu, static vcpu =>
        {
            vcpu.Run->exit_reason = KVM.KVM_EXIT_HYPERCALL;
            vcpu.Run->hypercall = new() { nr = 0xC300_0000 };
            return 0;
        });
        Assert.Equal((VcpuExitKind.Hypercall, 0xC300_0000UL), (exit.Kind, exit.HypercallNumber));
        Assert.Equal([0xC300_0001UL, 0xC300_0002, 0xC300_0003, 0xC300_0004, 0xC300_0005, 0xC300_0006, 0xC300_0007], MemoryMarshal.Cast<byte, ulong>(exit.RawData).ToArray());
        exit.SetValue(0x99);
        vcpu.Cancel();
        FakeTest.Next(vcpu);
        Assert.Equal(0x99UL, test.Vcpu()[KvmArm64RegisterIds.General(0)]);
    }

    [Theory]
    [InlineData(KVM.KVM_SYSTEM_EVENT_SHUTDOWN, SystemEventKind.PowerOff)]
    [InlineData(KVM.KVM_SYSTEM_EVENT_RESET, SystemEventKind.Reset)]
    [InlineData(KVM.KVM_SYSTEM_EVENT_CRASH, SystemEventKind.Crash)]
    [InlineData(77U, SystemEventKind.Unknown)]
    public void SystemEvent_OfEachKind_IsNamed(uint type, SystemEventKind kind)
    {
        using FakeTest test = new();
        using Vcpu vcpu = test.Partition.CreateVcpu(0);
        VcpuExit exit = Run(test, vcpu, vcpu =>
        {
            vcpu.Run->exit_reason = KVM.KVM_EXIT_SYSTEM_EVENT;
            vcpu.Run->system_event = new() { type = type };
            return 0;
        });
        Assert.Equal((VcpuExitKind.SystemEvent, kind), (exit.Kind, exit.SystemEvent));
    }

    [Theory]
    [InlineData(KVM.KVM_EXIT_FAIL_ENTRY, VcpuExitKind.EntryFailure)]
    [InlineData(KVM.KVM_EXIT_INTERNAL_ERROR, VcpuExitKind.HostFailure)]
    [InlineData(200U, VcpuExitKind.Unknown)]
    public void Exit_RareOrUnknown_IsAValueWithItsNumber(uint reason, VcpuExitKind kind)
    {
        using FakeTest test = new();
        using Vcpu vcpu = test.Partition.CreateVcpu(0);
        VcpuExit exit = Run(test, vcpu, vcpu =>
        {
            vcpu.Run->exit_reason = reason;
            vcpu.Run->fail_entry = new() { hardware_entry_failure_reason = 5 };
            return 0;
        });
        Assert.Equal((kind, reason == 200 ? 200U : 5U), (exit.Kind, exit.RawReason));
    }

    [Theory]
    [InlineData(LibC.EINVAL)]
    [InlineData(LibC.ENOEXEC)]
    [InlineData(LibC.EFAULT)]
    public void Run_KernelsError_IsAValue(int error)
    {
        using FakeTest test = new();
        using Vcpu vcpu = test.Partition.CreateVcpu(0);
        VcpuExit exit = Run(test, vcpu, _ => -error);
        Assert.Equal((VcpuExitKind.HostFailure, (uint)error), (exit.Kind, exit.RawReason));
    }

    /// <summary>A signal of somebody else's ends nothing.</summary>
    [Fact]
    public void Run_InterruptedByNobody_GoesOn()
    {
        using FakeTest test = new();
        using Vcpu vcpu = test.Partition.CreateVcpu(0);
        VcpuExit exit = Run(test, vcpu, static _ => -LibC.EINTR, static _ => -LibC.EAGAIN, static vcpu => vcpu.Mmio(isWrite: true, Device, 4, 1));
        Assert.Equal(VcpuExitKind.MmioWrite, exit.Kind);
    }

    [Fact]
    public void Cancel_BeforeAndDuringRuns_IsNeverLost()
    {
        using FakeTest test = new();
        using Vcpu vcpu = test.Partition.CreateVcpu(0);
        for (int i = 0; i < 1000; i++)
        {
            Task cancel = Task.Run(vcpu.Cancel);
            Assert.Equal(VcpuExitKind.Canceled, FakeTest.Next(vcpu).Kind);
            Limit.Await(cancel, "the call of Cancel");
        }
    }

    /// <summary>The kernel tells the timer's output in the shared page, with an interruption of its own or with another exit.</summary>
    [Fact]
    public void Timer_OwnInterrupts_LeavesOnceForEachUnmasking()
    {
        using FakeTest test = new();
        using Vcpu vcpu = test.Partition.CreateVcpu(0);
        Assert.Equal(VcpuExitKind.Timer, Run(test, vcpu, static vcpu =>
        {
            vcpu.Run->s.regs.device_irq_level = KVM_ARM64.KVM_ARM_DEV_EL1_VTIMER;
            return -LibC.EINTR;
        }).Kind);
        Assert.True(vcpu.Arm64.IsVirtualTimerMasked);
        Assert.Equal(VcpuExitKind.MmioRead, Run(test, vcpu, static vcpu => vcpu.Mmio(isWrite: false, Device, 4)).Kind);

        // The read is completed before the timer is told again.
        vcpu.Arm64.IsVirtualTimerMasked = false;
        Assert.Equal(VcpuExitKind.Timer, FakeTest.Next(vcpu).Kind);
        Assert.Single(test.Vcpu().Answers);
        test.Vcpu().Run->s.regs.device_irq_level = 0;
        vcpu.Arm64.IsVirtualTimerMasked = false;
        vcpu.Cancel();
        Assert.Equal(VcpuExitKind.Canceled, FakeTest.Next(vcpu).Kind);
    }

    [Fact]
    public void DirtyRing_Full_IsEmptiedAndTheGuestGoesOn()
    {
        var kvm = new FakeKvm();
        kvm.Capabilities[KVM.KVM_CAP_DIRTY_LOG_RING_ACQ_REL] = 65536 * KvmDirtyRing.EntrySize;
        using FakeTest test = new(null, kvm, new KvmBackendOptions { DirtyRingEntries = 1024 });
        MemoryRegion region = test.Partition.Memory.Map(0x5000_0000, 64 * 4096, new MemoryRegionOptions { TrackDirtyPages = true });
        uint slot = kvm.Machine.Slots.Single(static one => one.Value.guest_phys_addr == 0x5000_0000).Key;
        using Vcpu vcpu = test.Partition.CreateVcpu(0);
        VcpuExit exit = Run(
            test,
            vcpu,
            vcpu =>
            {
                vcpu.Ring[0] = new kvm_dirty_gfn { flags = KVM.KVM_DIRTY_GFN_F_DIRTY, slot = slot, offset = 7 };
                vcpu.Run->exit_reason = KVM.KVM_EXIT_DIRTY_RING_FULL;
                return 0;
            },
            static vcpu => vcpu.Mmio(isWrite: true, Device, 4, 1));
        Assert.Equal(VcpuExitKind.MmioWrite, exit.Kind);
        ulong[] bitmap = new ulong[1];
        region.CollectDirtyPages(bitmap);
        Assert.Equal((1UL << 7, true), (bitmap[0], kvm.Machine.RingResets > 0));
    }

    /// <summary>A ring that the host says is full and that holds nothing would keep the guest from running for ever.</summary>
    [Fact]
    public void DirtyRing_FullAndEmpty_EndsAsAHostsFailure()
    {
        var kvm = new FakeKvm();
        kvm.Capabilities[KVM.KVM_CAP_DIRTY_LOG_RING_ACQ_REL] = 65536 * KvmDirtyRing.EntrySize;
        using FakeTest test = new(null, kvm, new KvmBackendOptions { DirtyRingEntries = 1024 });
        using Vcpu vcpu = test.Partition.CreateVcpu(0);
        Func<FakeVcpu, int> full = static vcpu =>
        {
            vcpu.Run->exit_reason = KVM.KVM_EXIT_DIRTY_RING_FULL;
            return 0;
        };
        Assert.Equal(VcpuExitKind.HostFailure, Run(test, vcpu, [.. Enumerable.Repeat(full, 2000)]).Kind);
    }

    private static Func<FakeVcpu, int> NoSyndrome(ulong address, bool isWrite) => vcpu =>
    {
        vcpu.Run->exit_reason = KVM_ARM64.KVM_EXIT_ARM_NISV;
        vcpu.Run->arm_nisv = new() { esr_iss = isWrite ? 1UL << 6 : 0, fault_ipa = address };
        return 0;
    };
}
