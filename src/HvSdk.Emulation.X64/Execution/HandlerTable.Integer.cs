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

    private void AddUnaryAndShifts()
    {
        Set(Mnemonic.Inc, Interpreter<TMachine>.Unary<Interpreter<TMachine>.Increment>);
        Set(Mnemonic.Dec, Interpreter<TMachine>.Unary<Interpreter<TMachine>.Decrement>);
        Set(Mnemonic.Neg, Interpreter<TMachine>.Unary<Interpreter<TMachine>.Negate>);
        Set(Mnemonic.Not, Interpreter<TMachine>.Unary<Interpreter<TMachine>.Complement>);
        Set(Mnemonic.Shl, Interpreter<TMachine>.Shift<Interpreter<TMachine>.ShiftLeft>);
        Set(Mnemonic.Sal, Interpreter<TMachine>.Shift<Interpreter<TMachine>.ShiftLeft>);
        Set(Mnemonic.Shr, Interpreter<TMachine>.Shift<Interpreter<TMachine>.ShiftRight>);
        Set(Mnemonic.Sar, Interpreter<TMachine>.Shift<Interpreter<TMachine>.ShiftArithmetic>);
        Set(Mnemonic.Rol, Interpreter<TMachine>.Shift<Interpreter<TMachine>.RotateLeft>);
        Set(Mnemonic.Ror, Interpreter<TMachine>.Shift<Interpreter<TMachine>.RotateRight>);
        Set(Mnemonic.Rcl, Interpreter<TMachine>.Shift<Interpreter<TMachine>.RotateCarryLeft>);
        Set(Mnemonic.Rcr, Interpreter<TMachine>.Shift<Interpreter<TMachine>.RotateCarryRight>);
        Set(Mnemonic.Shld, Interpreter<TMachine>.ShiftLeftDouble);
        Set(Mnemonic.Shrd, Interpreter<TMachine>.ShiftRightDouble);
        Set(Mnemonic.Mul, Interpreter<TMachine>.MultiplyUnsigned);
        foreach (Code code in _codes[Mnemonic.Imul])
        {
            bool isOneOperand = code is Code.Imul_rm8 or Code.Imul_rm16 or Code.Imul_rm32 or Code.Imul_rm64;
            Set(code, isOneOperand ? Interpreter<TMachine>.MultiplySigned : Interpreter<TMachine>.MultiplySignedTruncated);
        }

        Set(Mnemonic.Div, Interpreter<TMachine>.DivideUnsigned);
        Set(Mnemonic.Idiv, Interpreter<TMachine>.DivideSigned);
        foreach (Mnemonic extend in new[] { Mnemonic.Cbw, Mnemonic.Cwde, Mnemonic.Cdqe })
        {
            Set(extend, Interpreter<TMachine>.ExtendAccumulator);
        }

        foreach (Mnemonic extend in new[] { Mnemonic.Cwd, Mnemonic.Cdq, Mnemonic.Cqo })
        {
            Set(extend, Interpreter<TMachine>.ExtendIntoDx);
        }

        Set(Mnemonic.Aaa, Interpreter<TMachine>.AsciiAdjustAfterAdd);
        Set(Mnemonic.Aas, Interpreter<TMachine>.AsciiAdjustAfterSubtract);
        Set(Mnemonic.Aam, Interpreter<TMachine>.AsciiAdjustAfterMultiply);
        Set(Mnemonic.Aad, Interpreter<TMachine>.AsciiAdjustBeforeDivide);
        Set(Mnemonic.Daa, Interpreter<TMachine>.DecimalAdjustAfterAdd);
        Set(Mnemonic.Das, Interpreter<TMachine>.DecimalAdjustAfterSubtract);
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

    private void AddBits()
    {
        Set(Mnemonic.Bt, Interpreter<TMachine>.Bit<Interpreter<TMachine>.TestBit>);
        Set(Mnemonic.Bts, Interpreter<TMachine>.Bit<Interpreter<TMachine>.SetBit>);
        Set(Mnemonic.Btr, Interpreter<TMachine>.Bit<Interpreter<TMachine>.ResetBit>);
        Set(Mnemonic.Btc, Interpreter<TMachine>.Bit<Interpreter<TMachine>.ToggleBit>);
        Set(Mnemonic.Bsf, Interpreter<TMachine>.ScanForward);
        Set(Mnemonic.Bsr, Interpreter<TMachine>.ScanReverse);
        Set(Mnemonic.Lzcnt, Interpreter<TMachine>.CountLeadingZeros);
        Set(Mnemonic.Tzcnt, Interpreter<TMachine>.CountTrailingZeros);
        Set(Mnemonic.Popcnt, Interpreter<TMachine>.CountOnes);
        Set(Mnemonic.Bswap, Interpreter<TMachine>.SwapBytes);
        Set(Mnemonic.Movbe, Interpreter<TMachine>.MoveBigEndian);
        Set(Mnemonic.Crc32, Interpreter<TMachine>.Crc32);
        Set(Mnemonic.Andn, Interpreter<TMachine>.AndNot);
        Set(Mnemonic.Bextr, Interpreter<TMachine>.ExtractBits);
        Set(Mnemonic.Blsi, Interpreter<TMachine>.ExtractLowest);
        Set(Mnemonic.Blsmsk, Interpreter<TMachine>.MaskToLowest);
        Set(Mnemonic.Blsr, Interpreter<TMachine>.ResetLowest);
        Set(Mnemonic.Bzhi, Interpreter<TMachine>.ZeroHighBits);
        Set(Mnemonic.Mulx, Interpreter<TMachine>.MultiplyWithoutFlags);
        Set(Mnemonic.Pdep, Interpreter<TMachine>.DepositBits);
        Set(Mnemonic.Pext, Interpreter<TMachine>.GatherBits);
        Set(Mnemonic.Rorx, Interpreter<TMachine>.RotateWithoutFlags);
        Set(Mnemonic.Shlx, Interpreter<TMachine>.ShiftLeftWithoutFlags);
        Set(Mnemonic.Shrx, Interpreter<TMachine>.ShiftRightWithoutFlags);
        Set(Mnemonic.Sarx, Interpreter<TMachine>.ShiftArithmeticWithoutFlags);
        Set(Mnemonic.Adcx, Interpreter<TMachine>.AddWithCarryOnly);
        Set(Mnemonic.Adox, Interpreter<TMachine>.AddWithOverflowOnly);
        Set(Mnemonic.Xchg, Interpreter<TMachine>.ExchangeRegisters, Interpreter<TMachine>.ExchangeMemory);
        Set(Mnemonic.Xadd, Interpreter<TMachine>.ExchangeAdd);
        Set(Mnemonic.Cmpxchg, Interpreter<TMachine>.CompareExchange);
        Set(Mnemonic.Cmpxchg8b, Interpreter<TMachine>.CompareExchange8);
        Set(Mnemonic.Cmpxchg16b, Interpreter<TMachine>.CompareExchange16);
    }
}
