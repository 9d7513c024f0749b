using Iced.Intel;

namespace HvSdk.Emulation;

/// <summary>Integer instructions.</summary>
internal sealed partial class HandlerTable<TMachine>
{
    private void AddArithmetic()
    {
        Binary<Interpreter<TMachine>.Add>(Mnemonic.Add);
        Binary<Interpreter<TMachine>.AddCarry>(Mnemonic.Adc);
        Binary<Interpreter<TMachine>.Subtract>(Mnemonic.Sub);
        Binary<Interpreter<TMachine>.SubtractBorrow>(Mnemonic.Sbb);
        Binary<Interpreter<TMachine>.Cmp>(Mnemonic.Cmp);
        Binary<Interpreter<TMachine>.And>(Mnemonic.And);
        Binary<Interpreter<TMachine>.Or>(Mnemonic.Or);
        Binary<Interpreter<TMachine>.Xor>(Mnemonic.Xor);
        Binary<Interpreter<TMachine>.Test>(Mnemonic.Test);
    }

    private void AddMoves()
    {
        Set(Mnemonic.Mov, Interpreter<TMachine>.MoveRegister, Interpreter<TMachine>.MoveMemory);
        Set(Mnemonic.Nop, Interpreter<TMachine>.Nop);
        Set(Mnemonic.Lea, Interpreter<TMachine>.LoadAddress);
        Set(Mnemonic.Movzx, Interpreter<TMachine>.MoveZeroExtended);
        Set(Mnemonic.Movsx, Interpreter<TMachine>.MoveSignExtended);
        Set(Mnemonic.Movsxd, Interpreter<TMachine>.MoveSignExtended);
        Condition<Interpreter<TMachine>.IfOverflow>(Mnemonic.Jo, Mnemonic.Seto, Mnemonic.Cmovo, Mnemonic.Jno, Mnemonic.Setno, Mnemonic.Cmovno);
        Condition<Interpreter<TMachine>.IfCarry>(Mnemonic.Jb, Mnemonic.Setb, Mnemonic.Cmovb, Mnemonic.Jae, Mnemonic.Setae, Mnemonic.Cmovae);
        Condition<Interpreter<TMachine>.IfZero>(Mnemonic.Je, Mnemonic.Sete, Mnemonic.Cmove, Mnemonic.Jne, Mnemonic.Setne, Mnemonic.Cmovne);
        Condition<Interpreter<TMachine>.IfCarryOrZero>(Mnemonic.Jbe, Mnemonic.Setbe, Mnemonic.Cmovbe, Mnemonic.Ja, Mnemonic.Seta, Mnemonic.Cmova);
        Condition<Interpreter<TMachine>.IfSign>(Mnemonic.Js, Mnemonic.Sets, Mnemonic.Cmovs, Mnemonic.Jns, Mnemonic.Setns, Mnemonic.Cmovns);
        Condition<Interpreter<TMachine>.IfParity>(Mnemonic.Jp, Mnemonic.Setp, Mnemonic.Cmovp, Mnemonic.Jnp, Mnemonic.Setnp, Mnemonic.Cmovnp);
        Condition<Interpreter<TMachine>.IfLess>(Mnemonic.Jl, Mnemonic.Setl, Mnemonic.Cmovl, Mnemonic.Jge, Mnemonic.Setge, Mnemonic.Cmovge);
        Condition<Interpreter<TMachine>.IfLessOrEqual>(Mnemonic.Jle, Mnemonic.Setle, Mnemonic.Cmovle, Mnemonic.Jg, Mnemonic.Setg, Mnemonic.Cmovg);
        AddJumps();
    }

    private void AddJumps()
    {
        foreach (Code code in _codes[Mnemonic.Jmp])
        {
            Set(code, code.IsJmpShortOrNear() ? Interpreter<TMachine>.Jump : Interpreter<TMachine>.JumpIndirect);
        }

        foreach (Code code in _codes[Mnemonic.Call])
        {
            Set(code, code.IsCallNear() ? Interpreter<TMachine>.Call : Interpreter<TMachine>.CallIndirect);
        }

        Set(Mnemonic.Ret, Interpreter<TMachine>.Return);
        Set(Mnemonic.Loop, Interpreter<TMachine>.Loop);
        Set(Mnemonic.Loope, Interpreter<TMachine>.Loop);
        Set(Mnemonic.Loopne, Interpreter<TMachine>.Loop);
        Set(Mnemonic.Jcxz, Interpreter<TMachine>.JumpIfCounterZero);
        Set(Mnemonic.Jecxz, Interpreter<TMachine>.JumpIfCounterZero);
        Set(Mnemonic.Jrcxz, Interpreter<TMachine>.JumpIfCounterZero);
        Set(Mnemonic.Hlt, Interpreter<TMachine>.Halt);
        Set(Mnemonic.Vmcall, Interpreter<TMachine>.Hypercall);
        Set(Mnemonic.Vmmcall, Interpreter<TMachine>.Hypercall);
    }

    private void Condition<T>(Mnemonic jump, Mnemonic set, Mnemonic move, Mnemonic jumpNot, Mnemonic setNot, Mnemonic moveNot)
        where T : struct, Interpreter<TMachine>.ICondition
    {
        Set(jump, Interpreter<TMachine>.JumpIf<T>);
        Set(set, Interpreter<TMachine>.SetIf<T>);
        Set(move, Interpreter<TMachine>.MoveIf<T>);
        Set(jumpNot, Interpreter<TMachine>.JumpIf<Interpreter<TMachine>.Not<T>>);
        Set(setNot, Interpreter<TMachine>.SetIf<Interpreter<TMachine>.Not<T>>);
        Set(moveNot, Interpreter<TMachine>.MoveIf<Interpreter<TMachine>.Not<T>>);
    }

    private void Binary<T>(Mnemonic mnemonic)
        where T : struct, Interpreter<TMachine>.IBinary =>
        Set(mnemonic, Interpreter<TMachine>.BinaryRegister<T>, Interpreter<TMachine>.BinaryMemory<T>);
}
