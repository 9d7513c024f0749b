namespace System.Runtime.CompilerServices;

#pragma warning disable SA1649, CA1815, IDE0051, IDE0044, CS0169, CA1823 // types of .NET 10, for the compilation with .NET 9

[InlineArray(2)]
internal struct InlineArray2<T>
{
    private T _element;
}

[InlineArray(3)]
internal struct InlineArray3<T>
{
    private T _element;
}

[InlineArray(4)]
internal struct InlineArray4<T>
{
    private T _element;
}

[InlineArray(5)]
internal struct InlineArray5<T>
{
    private T _element;
}

[InlineArray(6)]
internal struct InlineArray6<T>
{
    private T _element;
}

[InlineArray(7)]
internal struct InlineArray7<T>
{
    private T _element;
}

[InlineArray(8)]
internal struct InlineArray8<T>
{
    private T _element;
}

[InlineArray(9)]
internal struct InlineArray9<T>
{
    private T _element;
}

[InlineArray(10)]
internal struct InlineArray10<T>
{
    private T _element;
}

[InlineArray(11)]
internal struct InlineArray11<T>
{
    private T _element;
}

[InlineArray(12)]
internal struct InlineArray12<T>
{
    private T _element;
}

[InlineArray(13)]
internal struct InlineArray13<T>
{
    private T _element;
}

[InlineArray(14)]
internal struct InlineArray14<T>
{
    private T _element;
}

[InlineArray(15)]
internal struct InlineArray15<T>
{
    private T _element;
}

[InlineArray(16)]
internal struct InlineArray16<T>
{
    private T _element;
}
