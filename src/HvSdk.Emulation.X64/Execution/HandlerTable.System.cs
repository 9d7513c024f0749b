using Iced.Intel;

namespace HvSdk.Emulation;

/// <summary>System instructions, and control transfer between segments.</summary>
internal sealed partial class HandlerTable<TMachine>
{
    private void AddSystem()
    {
        AddFar();
        AddSegments();
        Set(Code.Mov_r32_cr, Interpreter<TMachine>.MoveFromControl);
        Set(Code.Mov_r64_cr, Interpreter<TMachine>.MoveFromControl);
        Set(Code.Mov_cr_r32, Interpreter<TMachine>.MoveToControl);
        Set(Code.Mov_cr_r64, Interpreter<TMachine>.MoveToControl);
        Set(Code.Mov_r32_dr, Interpreter<TMachine>.MoveFromDebug);
        Set(Code.Mov_r64_dr, Interpreter<TMachine>.MoveFromDebug);
        Set(Code.Mov_dr_r32, Interpreter<TMachine>.MoveToDebug);
        Set(Code.Mov_dr_r64, Interpreter<TMachine>.MoveToDebug);
        Set(Code.Mov_r32_tr, Interpreter<TMachine>.UndefinedInstruction);
        Set(Code.Mov_tr_r32, Interpreter<TMachine>.UndefinedInstruction);
        Set(Mnemonic.Lmsw, Interpreter<TMachine>.LoadMachineStatus);
        Set(Mnemonic.Smsw, Interpreter<TMachine>.StoreMachineStatus);
        Set(Mnemonic.Clts, Interpreter<TMachine>.ClearTaskSwitched);
        Set(Mnemonic.Invlpg, Interpreter<TMachine>.InvalidatePage);
        Set(Mnemonic.Invpcid, Interpreter<TMachine>.InvalidateContext);
        Set(Mnemonic.Invd, Interpreter<TMachine>.InvalidateCaches);
        Set(Mnemonic.Wbinvd, Interpreter<TMachine>.InvalidateCaches);
        Set(Mnemonic.Wbnoinvd, Interpreter<TMachine>.InvalidateCaches);
        Set(Mnemonic.Xgetbv, Interpreter<TMachine>.ReadExtendedControl);
        Set(Mnemonic.Xsetbv, Interpreter<TMachine>.WriteExtendedControl);
        Set(Mnemonic.Rdmsr, Interpreter<TMachine>.ReadModelSpecific);
        Set(Mnemonic.Wrmsr, Interpreter<TMachine>.WriteModelSpecific);
        Set(Mnemonic.Rdtsc, Interpreter<TMachine>.ReadTime);
        Set(Mnemonic.Rdtscp, Interpreter<TMachine>.ReadTimeAndProcessor);
        Set(Mnemonic.Rdpid, Interpreter<TMachine>.ReadProcessor);
        Set(Mnemonic.Rdpmc, Interpreter<TMachine>.ReadCounter);
        Set(Mnemonic.Cpuid, Interpreter<TMachine>.Identify);
        Set(Mnemonic.Rdrand, Interpreter<TMachine>.ReadRandom);
        Set(Mnemonic.Rdseed, Interpreter<TMachine>.ReadRandom);
        Set(Mnemonic.Bound, Interpreter<TMachine>.CheckBounds);
        foreach (Mnemonic undefined in new[] { Mnemonic.Ud0, Mnemonic.Ud1, Mnemonic.Ud2 })
        {
            Set(undefined, Interpreter<TMachine>.UndefinedInstruction);
        }

        foreach (Mnemonic nothing in new[]
        {
            Mnemonic.Pause, Mnemonic.Lfence, Mnemonic.Mfence, Mnemonic.Sfence, Mnemonic.Serialize, Mnemonic.Endbr32, Mnemonic.Endbr64,
            Mnemonic.Prefetch, Mnemonic.Prefetchw, Mnemonic.Prefetchwt1, Mnemonic.Prefetchnta, Mnemonic.Prefetcht0, Mnemonic.Prefetcht1, Mnemonic.Prefetcht2,
            Mnemonic.Reservednop,
        })
        {
            Set(nothing, Interpreter<TMachine>.Nop);
        }

        foreach (Mnemonic flush in new[] { Mnemonic.Clflush, Mnemonic.Clflushopt, Mnemonic.Clwb })
        {
            Set(flush, Interpreter<TMachine>.FlushLine);
        }
    }

    private void AddFar()
    {
        SetLong(Code.Jmp_ptr1616, Interpreter<TMachine>.FarJumpDirect);
        SetLong(Code.Jmp_ptr1632, Interpreter<TMachine>.FarJumpDirect);
        SetLong(Code.Call_ptr1616, Interpreter<TMachine>.FarCallDirect);
        SetLong(Code.Call_ptr1632, Interpreter<TMachine>.FarCallDirect);
        foreach (Code code in new[] { Code.Jmp_m1616, Code.Jmp_m1632, Code.Jmp_m1664 })
        {
            SetLong(code, Interpreter<TMachine>.FarJumpIndirect);
        }

        foreach (Code code in new[] { Code.Call_m1616, Code.Call_m1632, Code.Call_m1664 })
        {
            SetLong(code, Interpreter<TMachine>.FarCallIndirect);
        }

        SetLong(Mnemonic.Retf, Interpreter<TMachine>.FarReturn);
        foreach (Mnemonic iret in new[] { Mnemonic.Iret, Mnemonic.Iretd, Mnemonic.Iretq })
        {
            SetLong(iret, Interpreter<TMachine>.InterruptReturn);
        }

        SetLong(Mnemonic.Int, Interpreter<TMachine>.SoftwareInterrupt);
        SetLong(Mnemonic.Int3, Interpreter<TMachine>.BreakpointInterrupt);
        SetLong(Mnemonic.Into, Interpreter<TMachine>.OverflowInterrupt);
        SetLong(Mnemonic.Int1, Interpreter<TMachine>.DebugInterrupt);
        SetLong(Mnemonic.Syscall, Interpreter<TMachine>.Syscall);
        SetLong(Mnemonic.Sysret, Interpreter<TMachine>.Sysret);
        SetLong(Mnemonic.Sysretq, Interpreter<TMachine>.Sysret);
        SetLong(Mnemonic.Sysenter, Interpreter<TMachine>.Sysenter);
        SetLong(Mnemonic.Sysexit, Interpreter<TMachine>.Sysexit);
        SetLong(Mnemonic.Sysexitq, Interpreter<TMachine>.Sysexit);
        Set(Mnemonic.Swapgs, Interpreter<TMachine>.SwapGs);
        Set(Mnemonic.Rdfsbase, static (Core c, ref TMachine _, in Op op) => Interpreter<TMachine>.ReadSegmentBase(c, op, SegmentIndex.Fs));
        Set(Mnemonic.Rdgsbase, static (Core c, ref TMachine _, in Op op) => Interpreter<TMachine>.ReadSegmentBase(c, op, SegmentIndex.Gs));
        Set(Mnemonic.Wrfsbase, static (Core c, ref TMachine _, in Op op) => Interpreter<TMachine>.WriteSegmentBase(c, op, SegmentIndex.Fs));
        Set(Mnemonic.Wrgsbase, static (Core c, ref TMachine _, in Op op) => Interpreter<TMachine>.WriteSegmentBase(c, op, SegmentIndex.Gs));
    }

    private void AddSegments()
    {
        foreach (Code code in new[] { Code.Mov_Sreg_rm16, Code.Mov_Sreg_r32m16, Code.Mov_Sreg_r64m16 })
        {
            SetLong(code, Interpreter<TMachine>.MoveToSegment);
        }

        foreach (Code code in new[] { Code.Mov_rm16_Sreg, Code.Mov_r32m16_Sreg, Code.Mov_r64m16_Sreg })
        {
            Set(code, Interpreter<TMachine>.MoveFromSegment);
        }

        FarPointer(Mnemonic.Lds, SegmentIndex.Ds);
        FarPointer(Mnemonic.Les, SegmentIndex.Es);
        FarPointer(Mnemonic.Lfs, SegmentIndex.Fs);
        FarPointer(Mnemonic.Lgs, SegmentIndex.Gs);
        FarPointer(Mnemonic.Lss, SegmentIndex.Ss);
        SetLong(Mnemonic.Lgdt, static (Core c, ref TMachine m, in Op op) => Interpreter<TMachine>.LoadTable(c, ref m, op, isInterrupt: false));
        SetLong(Mnemonic.Lidt, static (Core c, ref TMachine m, in Op op) => Interpreter<TMachine>.LoadTable(c, ref m, op, isInterrupt: true));
        SetLong(Mnemonic.Sgdt, static (Core c, ref TMachine m, in Op op) => Interpreter<TMachine>.StoreTable(c, ref m, op, isInterrupt: false));
        SetLong(Mnemonic.Sidt, static (Core c, ref TMachine m, in Op op) => Interpreter<TMachine>.StoreTable(c, ref m, op, isInterrupt: true));
        SetLong(Mnemonic.Lldt, Interpreter<TMachine>.LoadLocalTable);
        SetLong(Mnemonic.Ltr, Interpreter<TMachine>.LoadTask);
        Set(Mnemonic.Sldt, static (Core c, ref TMachine m, in Op op) => Interpreter<TMachine>.StoreSystemSelector(c, ref m, op, SegmentIndex.Ldt));
        Set(Mnemonic.Str, static (Core c, ref TMachine m, in Op op) => Interpreter<TMachine>.StoreSystemSelector(c, ref m, op, SegmentIndex.Tr));
        SetLong(Mnemonic.Lar, Interpreter<TMachine>.LoadAccessRights);
        SetLong(Mnemonic.Lsl, Interpreter<TMachine>.LoadLimit);
        SetLong(Mnemonic.Verr, Interpreter<TMachine>.VerifyRead);
        SetLong(Mnemonic.Verw, Interpreter<TMachine>.VerifyWrite);
        Set(Mnemonic.Arpl, Interpreter<TMachine>.AdjustPrivilege);
    }

    private void FarPointer(Mnemonic mnemonic, int segment) =>
        SetLong(mnemonic, (Core c, ref TMachine m, in Op op) => Interpreter<TMachine>.LoadFarPointer(c, ref m, op, segment));
}
